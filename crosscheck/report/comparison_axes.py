"""The axes' names of a tensor of the first model, as far as its kind tells them; "" where a name would be a guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crosscheck.twins.measure import Gap

if TYPE_CHECKING:
    from crosscheck.twins.report import Report

SPATIAL = ("Conv", "Norm2d", "Norm3d", "Pool", "BatchNorm", "GroupNorm", "Dropout2d")
SEQUENCE = ("Linear", "Dense", "LayerNorm", "RMSNorm", "Embed", "Attention", "LSTM", "GRU", "RNN", "Transformer")
IMAGES = {3: "l", 4: "h w", 5: "d h w"}


def axes_of(report: Report, gap: Gap) -> str:
    """Parameters and buffers by what their class tells, inputs by their spec, activations by class."""
    twins, rank = report.twins, len(gap.worst)
    if twins is None:
        return ""
    if gap.kind in ("gradient", "state", "step"):
        names = twins.first.leaf(gap.path).axes
    elif gap.kind == "input gradient":
        names = twins.inputs.axes.get(gap.path, "")
    else:
        path = gap.path.partition("#")[0]
        kind = twins.first.kinds().get(path, "") if gap.kind != "output" or path else ""
        names = activation_axes(twins.first.framework, kind, rank) or unknown(report, rank)
    return names if len(names.split()) == rank else ""


def unknown(report: Report, rank: int) -> str:
    """Of a module that is the model's own: images, in a model that has images as its input."""
    given = [entry["axes"] for entry in report.inputs if len(entry["axes"].split()) == rank]
    return str(given[0]) if rank == 4 and given else ""


def activation_axes(framework: str, kind: str, rank: int) -> str:
    """The reference's have examples first here, as images do anywhere; its images have four axes and nothing else."""
    if rank == 2:
        return "n c"
    if rank in IMAGES and ((framework == "numpy" and rank == 4) or any(part in kind for part in SPATIAL)):
        return f"n c {IMAGES[rank]}" if framework == "torch" else f"n {IMAGES[rank]} c"
    return "n t c" if rank == 3 and any(part in kind for part in SEQUENCE) else ""
