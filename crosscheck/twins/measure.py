"""How far two tensors are apart, in units of what rounding alone does to this computation.

noise   of a tensor: how it moves when parameters and inputs move by relative 2^-40, scaled down to the unit roundoff u
        of the dtype it was computed in, and never less than u times its own size; a gradient that is zero in theory is
        left over from cancelling, so its noise is never less than u times the largest of its kind
gap     ||a - b|| in these units; more than LIMIT is a disagreement
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from crosscheck.axes import Array

STEP = 2.0**-40
ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
LIMIT = 256.0
"""In noise units; what sound pairs reach is in docs/compare.md."""


@dataclass(frozen=True)
class Gap:
    """One tensor compared. units: noise units; relative: L2; worst: index in the first's axes, and both values."""

    kind: str
    path: str
    units: float
    relative: float
    error: float
    worst: tuple[int, ...] = ()
    values: tuple[float, float] = (0.0, 0.0)
    problem: str = ""

    @property
    def agrees(self) -> bool:
        return not self.problem and self.units <= LIMIT

    def __str__(self) -> str:
        return f"{self.kind} {self.path}".strip()


def gap(kind: str, path: str, a: Array, b: Array, noise: float) -> Gap:
    """a and b have the same layout; `noise` is in the tensors' own units (root mean square)."""
    if a.shape != b.shape:
        return Gap(kind, path, np.inf, np.inf, np.inf, problem=f"shapes differ: {a.shape} and {b.shape}")
    if a.size == 0:
        return Gap(kind, path, 0.0, 0.0, 0.0)
    wide = np.complex128 if "c" in a.dtype.kind + b.dtype.kind else np.float64
    a, b = a.astype(wide, copy=False), b.astype(wide, copy=False)
    broken = [side for side, x in (("first", a), ("second", b)) if not np.isfinite(x).all()]
    if broken and not same_nonfinite(a, b):
        return Gap(
            kind, path, np.inf, np.inf, np.inf, problem=f"NaN or infinite in the {' and the '.join(broken)} model"
        )
    if broken:
        a, b = (np.where(np.isfinite(x), x, 0) for x in (a, b))
    apart = np.abs(a - b)
    worst = tuple(int(i) for i in np.unravel_index(int(apart.argmax()), apart.shape))
    units = rms(apart) / noise if noise else (0.0 if not apart.any() else np.inf)
    values = float(np.real(a[worst])), float(np.real(b[worst]))
    return Gap(kind, path, units, rms(apart) / (rms(a) or 1.0), float(apart.max()), worst, values)


def within_float32(gap: Gap) -> bool:
    """Whether float32's rounding could make a difference that float64's could not."""
    return not gap.problem and gap.units * ROUNDOFF["float64"] / ROUNDOFF["float32"] <= LIMIT


def same_nonfinite(a: Array, b: Array) -> bool:
    """Whether NaN and infinities (a mask's -inf) stand at the same places."""
    return bool(np.array_equal(np.where(np.isfinite(a), 0, a), np.where(np.isfinite(b), 0, b), equal_nan=True))


def rms(x: Array) -> float:
    """The root mean square of what is finite."""
    if x.dtype == np.float64 and x.size and np.isfinite(total := np.vdot(x, x)):
        return float(np.sqrt(total / x.size))
    finite = np.abs(x[np.isfinite(x)]).astype(np.float64)
    return float(np.sqrt(np.mean(np.square(finite)))) if finite.size else 0.0


def noises(
    base: Mapping[str, Array],
    moved: list[Mapping[str, Array]],
    dtype: str,
    shared: bool = False,
    step: float = STEP,
) -> dict[str, float]:
    """The noise of every tensor of one kind from runs at parameters moved by `step`. `shared`: zero in theory is judged
    on the scale of the largest (gradients)."""
    u = ROUNDOFF[dtype]
    largest = max((rms(x) for x in base.values() if x.dtype.kind == "f"), default=0.0) if shared else 0.0
    found = {}
    for name, x in base.items():
        wide = x.astype(np.complex128 if x.dtype.kind == "c" else np.float64, copy=False)
        spread = [rms(m[name] - wide) for m in moved if name in m and m[name].shape == x.shape]
        found[name] = u * max(rms(x), largest, max(spread, default=0.0) / step)
    return found
