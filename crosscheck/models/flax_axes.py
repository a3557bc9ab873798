"""What the axes of flax's own parameters mean (nnx and linen alike), by the class that owns them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crosscheck.models.torch_axes import SPATIAL


def axes(kind: str, name: str, rank: int, settings: Mapping[str, Any]) -> str:
    """The axes' names of a parameter, "" if the class does not tell; `settings`: the attributes of its module."""
    if rank == 1:
        return "c"
    if kind in ("Linear", "Dense") and name == "kernel":
        return "cin cout"
    if kind in ("Conv", "ConvTranspose") and name == "kernel" and rank >= 3:
        return " ".join([*SPATIAL[5 - rank :], "cout cin" if is_transposed(settings) else "cin cout"])
    if kind in ("LinearGeneral", "DenseGeneral") and name == "kernel" and rank == 3:
        axis = settings.get("axis", -1)
        return "heads dim cout" if isinstance(axis, tuple) and len(axis) > 1 else "cin heads dim"
    if kind == "Embed":
        return "entries features"
    return ""


def is_transposed(settings: Mapping[str, Any]) -> bool:
    """Whether a transposed convolution has its kernel as the convolution has it of which it is the gradient."""
    return bool(settings.get("transpose_kernel"))


def turned(kind: str, settings: Mapping[str, Any]) -> bool:
    """Whether the spatial axes of a kernel run the other way."""
    return kind == "ConvTranspose" and not is_transposed(settings)
