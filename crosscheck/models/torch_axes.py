"""What the axes of torch's own parameters mean, by the class that owns them. Spatial axes are "kd kh kw"."""

from __future__ import annotations

SPATIAL = ("kd", "kh", "kw")


def axes(kind: str, name: str, rank: int) -> str:
    """The axes' names of a parameter, "" if the class does not tell."""
    if rank == 1 and kind not in RECURRENT:
        return "c"
    if kind in ("Linear", "NonDynamicallyQuantizableLinear", "LazyLinear") and name == "weight":
        return "cout cin"
    if kind == "Conv1D" and name == "weight":
        return "cin cout"
    if kind.removeprefix("Lazy").startswith("Conv") and name == "weight" and rank >= 3:
        channels = "cin cout" if "Transpose" in kind else "cout cin"
        return " ".join([channels, *SPATIAL[5 - rank :]])
    if kind in ("Embedding", "EmbeddingBag"):
        return "entries features"
    if kind == "MultiheadAttention" and name.endswith("_proj_weight"):
        return "cout cin"
    if kind in RECURRENT and name.startswith("weight"):
        return "cout cin"
    return "c" if rank == 1 else ""


RECURRENT = ("LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell")
