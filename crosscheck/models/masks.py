"""Dropout's masks, the same in any framework and layout: whether an element stays is decided by its own value.

    keep(x) = frac(sin(997 x) 1031) < 1 - rate

Values that agree to rounding get the same decision (all but about one element in 10^10 in float64), whatever their
order in memory; each side keeps its own rate, so that unlike rates are seen.
"""

from __future__ import annotations

from typing import Any


def keep(x: Any, rate: float, xp: Any) -> Any:
    """Which elements stay; `xp` is the framework's namespace (torch, jax.numpy, numpy)."""
    mixed = xp.sin(x * 997.0) * 1031.0
    return mixed - xp.floor(mixed) < 1.0 - rate


def dropped(x: Any, rate: float, fixed: Any, xp: Any) -> Any:
    """Inverted dropout with that mask; `fixed` is x without its gradient."""
    if rate >= 1.0:
        return x * 0.0
    return xp.where(keep(fixed, rate, xp), x / (1.0 - rate), xp.zeros_like(x))
