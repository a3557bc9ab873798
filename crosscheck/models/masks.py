"""Dropout's masks, the same in any framework and layout: whether an element stays is decided by its own value.

    keep(x) = frac(61.8 x / rms(x)) < 1 - rate

Values that agree to rounding get the same decision (in float64 all but one element in 10^13), whatever their order in
memory; each side keeps its own rate, so that unlike rates are seen.
"""

from __future__ import annotations

from typing import Any


def keep(x: Any, rate: float, xp: Any) -> Any:
    """Which elements stay; `xp` is the framework's namespace (torch, jax.numpy, numpy)."""
    scaled = 61.8 * x / (xp.sqrt((x * x).mean()) + 1e-30)
    return scaled - xp.floor(scaled) < 1.0 - rate


def dropped(x: Any, rate: float, fixed: Any, xp: Any) -> Any:
    """Inverted dropout with that mask; `fixed` is x without its gradient."""
    if rate <= 0.0:
        return x * 1.0
    if rate >= 1.0:
        return x * 0.0
    return xp.where(keep(fixed, rate, xp), x / (1.0 - rate), xp.zeros_like(x))
