"""The scene of a divergence, cut down to what a hypothesis needs: what went in, the weights, and what either side made.

All arrays are float64 (or whole numbers) in the first model's layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crosscheck.axes import Array


@dataclass(frozen=True)
class Side:
    """One model's account of the place: its framework, the class of its module ("" for wiring) and that module's plain
    attributes."""

    framework: str
    kind: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Site:
    """target: what differs: "output" (of a unit), "value" (that wiring brings or gives), "state", "gradient" (what
    comes back), "step" (by how much an optimizer changes a parameter; the inputs are that and its gradients).
    first, second: both sides' version of it. inputs: of a unit, what it was given; of wiring, what it may have been
    made of, the nearest last. weights, buffers: the unit's, by the last name ("weight", "running_var"); buffers as they
    were before; what modules inside own by its path from there ("query.kernel"). theirs: what only the second's unit
    has, in its own layout. `name`: of the output or leaf that differs. cotangent: what came back to the unit. given:
    what modules without parameters in the first model's wiring gave; of a gradient, what went forward. called: the
    inputs, then what is given, in words, each with the class of the module that made it (GIVEN, LATE). cotangents: what
    may have come back, the nearest last. reaches: the class of the module that a value goes to. coarse: whether either
    model is known to keep float32 somewhere, so that hypotheses are held to float32's rounding. arrived: what is in the
    place of an input in the second model, if a fault before made it another value."""

    target: str
    first: Array
    second: Array
    inputs: tuple[Array, ...]
    sides: tuple[Side, Side]
    weights: Mapping[str, Array] = field(default_factory=dict)
    buffers: Mapping[str, Array] = field(default_factory=dict)
    name: str = ""
    train: bool = False
    noise: float = 0.0
    cotangent: Array | None = None
    theirs: Mapping[str, Array] = field(default_factory=dict)
    given: tuple[Array, ...] = ()
    called: tuple[tuple[str, str], ...] = ()
    cotangents: tuple[Array, ...] = ()
    reaches: str = ""
    coarse: bool = False
    arrived: Mapping[int, Array] = field(default_factory=dict)

    @property
    def x(self) -> Array:
        return self.inputs[-1]

    @property
    def channel(self) -> int:
        """The axis of channels or features of x, in the first model's convention."""
        return 1 if self.sides[0].framework == "torch" and self.sides[0].kind not in LAST and self.x.ndim > 2 else -1

    def name_of(self, x: Array) -> str:
        """What an input, or what is given, is in words; "" if nothing tells."""
        return next((words for y, (words, _) in zip((*self.inputs, *self.given), self.called) if y is x), "")

    def settings(self, *names: str) -> list[Any]:
        """The values that either module's attributes of these names have, each once."""
        found = [side.config[name] for side in self.sides for name in names if side.config.get(name) is not None]
        return list(dict.fromkeys(value for value in found if not isinstance(value, list)))

    def matches(self, side: Array, made: Array | None, coarse: bool = False) -> bool:
        """Whether a hypothesis makes what a side made, to rounding (float32's, if `coarse`). NaN, infinities
        and what masks put instead are alike if they stand at the same places, among numbers."""
        if made is None or made.shape != side.shape or made.dtype.kind not in "fiu" or side.dtype.kind not in "fiu":
            return False
        coarse, usual = coarse or self.coarse, ordinary(side)
        if not usual.all():
            allowed = 1e-3 * coarse or 1e-9
            if not usual.any() or not np.allclose(made[~usual], side[~usual], allowed, 0, equal_nan=True):
                return False
            made, side = made[usual], side[usual]
        size = norm(side) / np.sqrt(max(side.size, 1))
        allowed = max(256 * self.noise, 1e-11 * size, coarse * FLOAT32 * size)
        return bool(np.isfinite(made).all()) and norm(made - side) / np.sqrt(max(side.size, 1)) <= allowed


GIVEN, LATE = "given ", "late "
"""Before the class of a module in `called`: it has no parameters; the first model comes to it only later."""
FLOAT32, HUGE = 3e-6, 1e8
LAST = ("LayerNorm", "RMSNorm", "Linear", "Embedding")
"""torch modules whose features are last."""


def wide(x: Array) -> Array:
    """Numbers with a fraction as float64."""
    return x.astype(np.float64, copy=False) if x.dtype.kind == "f" else x


def ordinary(side: Array) -> Array:
    """Which elements are neither NaN nor infinite, nor what a mask puts in the place of minus infinity."""
    usual = np.isfinite(side)
    if (small := np.abs(side) < HUGE).any():
        usual = usual & small
    return np.asarray(usual)


def norm(x: Array) -> float:
    return float(np.linalg.norm(np.ravel(x)))


def along(vector: Array, x: Array, axis: int) -> Array:
    """A vector as an array that broadcasts along one axis of x."""
    shape = [1] * x.ndim
    shape[axis] = -1
    return vector.reshape(shape)
