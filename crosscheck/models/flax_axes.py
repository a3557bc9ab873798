"""What the axes of flax's own parameters mean (nnx and linen alike), by the class that owns them."""

from __future__ import annotations

from crosscheck.models.torch_axes import SPATIAL


def axes(kind: str, name: str, rank: int, owner: str, transposed: bool = False) -> str:
    """The axes' names of a parameter, "" if the class does not tell; `owner` is the path of its module, `transposed`
    its attribute transpose_kernel."""
    if rank == 1:
        return "c"
    if kind in ("Linear", "Dense") and name == "kernel":
        return "cin cout"
    if kind in ("Conv", "ConvTranspose") and name == "kernel" and rank >= 3:
        return " ".join([*SPATIAL[5 - rank :], "cout cin" if transposed else "cin cout"])
    if kind in ("LinearGeneral", "DenseGeneral") and name == "kernel" and rank == 3:
        return "heads dim cout" if owner.rpartition(".")[2] == "out" else "cin heads dim"
    if kind == "Embed":
        return "entries features"
    return ""
