"""Ways to spoil a number without spoiling its graph: coarser values, or a gradient that is not the value's own."""

from __future__ import annotations

from typing import Any

import torch


def as_tf32(x: Any) -> Any:
    """Rounded to the 11 significant bits that TF32 leaves of a float32; the gradient passes."""
    bits = x.detach().float().view(torch.int32)
    rounded = ((bits + 0x1000) & ~0x1FFF).view(torch.float32).to(x.dtype)
    return x + (rounded - x.detach())


def scaled_gradient(x: Any, factor: float) -> Any:
    """x, whose gradient is multiplied by the factor."""
    return x.detach() + factor * (x - x.detach())
