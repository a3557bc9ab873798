"""Where a model of modules and a plain function part, told by the values that the function computes.

A function has no modules that could be forced. But what a module of the other model gives is among the values that a
sound function computes, in some layout. Where no value is found any more, the two have parted: at the first module
after the last that is found, if what goes into it is found, else in the wiring ahead of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.model import Arrays, Ask, Call, Run
from crosscheck.pairing.fits import Fit
from crosscheck.twins.layouts import layouts, usual
from crosscheck.twins.locate import Divergence
from crosscheck.twins.measure import Gap, gap, noises

ALIKE = {"float64": 1e-10, "float32": 1e-4}
SOURCES = 6
MOST = 24
"""Values of the function that are tried as the other side of the divergence."""


@dataclass(frozen=True)
class Candidate:
    """A value of the function: its place in the pool, how it is laid out there, and itself as the module has it."""

    place: int
    fit: Fit
    value: Array


@dataclass(frozen=True)
class Parting:
    """Where it is; what the module or wiring made, what the function may have made instead, nearest first, and from
    what."""

    divergence: Divergence
    call: Call
    wiring: bool
    made: Array
    instead: Sequence[Candidate]
    inputs: Sequence[tuple[str, Array]]
    ask: Ask


def parting(calls: Sequence[Call], known: Known, moved: Sequence[Run], ask: Ask, dtype: str) -> Parting:
    """`calls`: of the model of modules when it is run as asked, in the order in which they completed, the whole last;
    `moved`: the same run nearby."""
    inner = innermost(calls)
    last = max((i for i, call in enumerate(inner) if known.all(call.outputs)), default=-1)
    after = inner[last].key if last >= 0 else ""
    call = inner[last + 1] if last + 1 < len(inner) else calls[-1]
    wiring = not call.key or not known.all(call.inputs)
    side = "inputs" if wiring and call.key else "outputs"
    name, made = differing(getattr(call, side), known)
    instead = known.near(made)
    apart = distance(f"{side[:-1]}", call, name, made, instead, moved, dtype)
    path = body_of(call, calls, known) if wiring else call.path
    ends = (call.key, after) if wiring else ("", "")
    sources = [(f"the input {n}", value) for n, value in ask.inputs.items()]
    sources += [(f"`{c.key}`", value) for c in inner[: last + 1] for value in c.outputs.values()]
    given = sources[-SOURCES:] if wiring else list(call.inputs.items())
    return Parting(Divergence("forward", path, "", apart, wiring, *ends), call, wiring, made, instead, given, ask)


def innermost(calls: Sequence[Call]) -> list[Call]:
    """The calls in which no other was made."""
    return [call for call in calls if call.key and not any(other.parent == call.key for other in calls)]


def body_of(call: Call, calls: Sequence[Call], known: Known) -> str:
    """The innermost module around a call that was itself reached by what is found."""
    by_key = {other.key: other for other in calls}
    at = by_key.get(call.parent or "")
    while at is not None and at.key and not known.all(at.inputs):
        at = by_key.get(at.parent or "")
    return at.path if at is not None else ""


def differing(tensors: Arrays, known: Known) -> tuple[str, Array]:
    """The first that is not found."""
    return next(((name, x) for name, x in tensors.items() if not known.has(x)), next(iter(tensors.items())))


def distance(
    kind: str, call: Call, name: str, made: Array, instead: Sequence[Candidate], moved: Sequence[Run], dtype: str
) -> Gap:
    """To the nearest value that the function may have made instead."""
    if not instead:
        return Gap(kind, call.path, np.inf, np.inf, np.inf, problem="the function computes nothing of this size")
    nearby = [getattr(other, f"{kind}s") for run in moved for other in run.calls if other.key == call.key]
    return gap(kind, call.path, made, instead[0].value, noises({name: made}, nearby, dtype)[name])


class Known:
    """Values by size, each sorted, so that a layout does not matter."""

    def __init__(self, pool: Sequence[Array], alike: float):
        self.pool, self.alike = {i: x for i, x in enumerate(pool) if x.dtype.kind == "f" and x.size > 1}, alike
        self.sorted: dict[int, list[Array]] = {}
        for x in self.pool.values():
            self.sorted.setdefault(x.size, []).append(np.sort(x, axis=None))

    def has(self, x: Array) -> bool:
        if x.dtype.kind != "f" or x.size < 2:
            return True
        mine = np.sort(x, axis=None)
        scale = float(np.linalg.norm(mine)) or 1.0
        return any(float(np.linalg.norm(mine - other)) <= self.alike * scale for other in self.sorted.get(x.size, ()))

    def all(self, tensors: Arrays) -> bool:
        return all(self.has(x) for x in tensors.values())

    def near(self, x: Array) -> list[Candidate]:
        """Values of the same size, the nearest first; if there are none, those of other images of the same channels."""
        same = {i: y for i, y in self.pool.items() if y.size == x.size}
        laid = [Candidate(i, fit, fit.back(y)) for i, y in same.items() for fit in layouts(x.shape, y.shape)[:3]]
        if laid:
            return sorted(laid, key=lambda candidate: float(np.linalg.norm(x - candidate.value)))[:MOST]
        images = {i: y for i, y in self.pool.items() if y.ndim == x.ndim > 2}
        ways = (usual(x.shape, "last"), usual(x.shape, "first"), usual(x.shape, ""))
        turned = [Candidate(i, fit, fit.back(y)) for i, y in images.items() for fit in dict.fromkeys(ways)]
        return [candidate for candidate in turned if candidate.value.shape[:2] == x.shape[:2]][:MOST]
