"""One run of the second model in which every unit takes what the first model's took and gives what it gave.

So each unit, and each stretch of wiring between units, is judged alone, forward and backward, all in the same run: what
a unit makes of what it was given; what reaches the next unit from what the units before it were made to give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.model import Arrays, Call, Forced, Made, Run
from crosscheck.pairing.fits import Fit
from crosscheck.twins.layouts import Images, choose, flattened, layouts, layouts_of_convolved, layouts_of_outputs, usual
from crosscheck.twins.states import UNKNOWN, Roles, roles
from crosscheck.twins.units import Unit

Names = dict[str, tuple[str, Fit]]
NONE: Mapping[str, str] = {}
"""A tensor's name in the first model -> its name in the second, and how it is laid out there."""


@dataclass
class Match:
    """How the tensors of two calls correspond."""

    unit: Unit
    first: Call
    second: Call
    inputs: Names = field(default_factory=dict)
    outputs: Names = field(default_factory=dict)
    again: dict[str, str] = field(default_factory=dict)
    """Inputs of the second that are the same tensor as another of its inputs (q, k and v of self-attention)."""
    given_again: dict[str, str] = field(default_factory=dict)
    """The same of its outputs (a cell's state and what it gives)."""
    uneven_inputs: Names = field(default_factory=dict)
    uneven_outputs: Names = field(default_factory=dict)
    """What corresponds but has another size; it cannot be forced."""


def matches(units: Sequence[Unit], run: Run, other: Run, images: Images) -> list[Match]:
    """The tensors of every unit's calls matched; `other` is a run of the second model from which shapes and, where they
    leave a choice, values are taken."""
    calls, others = {c.key: c for c in run.calls}, {c.key: c for c in other.calls}
    shapes, before = passing(run)
    found = []
    for unit in units:
        a, b = calls[unit.first], others[unit.second]
        earlier = shapes[: before[unit.first]]
        ways = layouts_of_convolved if "Conv" in a.kind and "Conv" in b.kind else layouts
        known = roles(a, b)
        inputs, outputs = (
            tensors(x, y, images, earlier, ways, side)
            for x, y, side in zip((a.inputs, a.outputs), (b.inputs, b.outputs), known)
        )
        if not unit.first:
            outputs = given_out(a.outputs, b.outputs, images)
        odd = uneven(a.inputs, b.inputs, inputs, outputs, images), uneven(a.outputs, b.outputs, outputs, inputs, images)
        twice = repeats(b.inputs, inputs), repeats(b.outputs, outputs)
        found.append(Match(unit, once(a, inputs, outputs), b, inputs, outputs, *twice, *odd))
    return found


def passing(run: Run) -> tuple[list[tuple[int, ...]], dict[str, int]]:
    """The shapes of the model's inputs and of everything that goes through its calls, in the order in which these
    complete; and for each call how many of them come before it, and may have been flattened there."""
    shapes = [x.shape for call in run.calls if not call.key for x in call.inputs.values()]
    before = {}
    for call in run.calls:
        before[call.key] = len(shapes)
        shapes += [y.shape for y in (*call.inputs.values(), *call.outputs.values())]
    return shapes, before


def uneven(first: Arrays, second: Arrays, names: Names, like: Names, images: Images) -> Names:
    """The only floating tensor of either side, if one cannot be laid out as the other: its axes are taken to be in the
    order of what is `like` it, or of images."""
    mine, theirs = ({name: x for name, x in side.items() if x.dtype.kind == "f"} for side in (first, second))
    if names or len(mine) != 1 or len(theirs) != 1:
        return {}
    (name, x), (other, y) = *mine.items(), *theirs.items()
    if x.ndim != y.ndim:
        return {}
    known = (fit for _, fit in like.values() if "(" not in fit.pattern and len(fit.pattern.split()) == 2 * x.ndim + 1)
    return {name: (other, next(known, usual(x.shape, images)))}


def once(call: Call, inputs: Names, outputs: Names) -> Call:
    """The first model's call, with what it was handed or gives several times and the second once counted as one: what
    comes back by each is added up."""
    return replace(
        call,
        input_cotangents=gathered(call.inputs, call.input_cotangents, inputs),
        cotangents=gathered(call.outputs, call.cotangents, outputs),
    )


def gathered(values: Arrays, cotangents: Arrays, names: Names) -> Arrays:
    total = dict(cotangents)
    for name, value in values.items():
        twin = next((other for other in names if alike(values[other], value)), None)
        if name not in names and twin is not None and name in total and twin in total:
            total[twin] = total[twin] + total.pop(name)
    return total


def repeats(values: Arrays, names: Names) -> dict[str, str]:
    """Of those without a counterpart, which is the same as one that has one."""
    taken = [other for other, _ in names.values()]
    free = [name for name in values if name not in taken]
    found = {name: next((t for t in taken if alike(values[t], values[name])), "") for name in free}
    return {name: twin for name, twin in found.items() if twin}


def alike(a: Array | None, b: Array | None) -> bool:
    return a is not None and b is not None and a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b)


def tensors(
    first: Arrays,
    second: Arrays,
    images: Images,
    shapes: Iterable[tuple[int, ...]] = (),
    ways: Callable[..., list[Fit]] = layouts,
    roles: tuple[Roles, Roles] = UNKNOWN,
) -> Names:
    """By role or name where both have it, else in order; only what can be laid out as the other."""
    mine, theirs = roles
    found: Names = {}
    free = dict(second)
    for by_name in (True, False):
        for name, a in first.items():
            for other in list(free):
                if by_name and theirs.get(other, other) != mine.get(name, name):
                    continue
                if name in found or a.dtype.kind != free[other].dtype.kind:
                    continue
                b = free[other]
                fit = choose(a, b, [*ways(a.shape, b.shape, images), *flattened(shapes, a.shape, b.shape, images)])
                if fit is not None and not opposite(fit.there(a), b):
                    found[name] = other, fit
                    del free[other]
    return {name: found[name] for name in first if name in found}


def opposite(a: Array, b: Array) -> bool:
    """Whether one marks what the other does not: what True means is the module's own affair."""
    return a.dtype.kind == "b" and np.array_equal(a, ~b)


def given_out(first: Arrays, second: Arrays, images: Images) -> Names:
    """The same for what the whole models give."""
    return tensors(first, second, images, ways=layouts_of_outputs)


def forces(found: Sequence[Match], inner: bool = False) -> dict[str, Forced]:
    """What the second model's calls are made to take and give; all but the whole, or only the innermost."""
    return {
        match.unit.second: Forced(
            carried(match.first.inputs, match.inputs, match.again),
            carried(match.first.outputs, match.outputs, match.given_again),
            at_one(carried(match.first.cotangents, match.outputs), match.given_again),
            carried(match.first.input_cotangents, match.inputs),
        )
        for match in found
        if match.unit.second and (match.unit.inner or not inner)
    }


def carried(values: Arrays, names: Names, again: Mapping[str, str] = NONE) -> Mapping[str, Array]:
    """The first's tensors under the second's names and in its layout, some once more."""
    ways = {other: (fit, name) for name, (other, fit) in names.items() if name in values}
    ways |= {name: ways[twin] for name, twin in again.items() if twin in ways}
    return Made(ways, lambda name: ways[name][0].there(values[ways[name][1]]))


def at_one(cotangents: Mapping[str, Array], again: Mapping[str, str]) -> Mapping[str, Array]:
    """Of outputs that are the same tensor one has the whole cotangent, the others nothing."""
    others = {name: twin for name, twin in again.items() if twin in cotangents}
    return Made(
        (*cotangents, *others),
        lambda name: np.zeros_like(cotangents[others[name]]) if name in others else cotangents[name],
    )


def added(values: Arrays, again: dict[str, str]) -> Arrays:
    """What came back by an input that is handed over several times, added up."""
    total = dict(values)
    for name, twin in again.items():
        if name in total and twin in total:
            total[twin] = total[twin] + total.pop(name)
    return total


def there(values: Arrays, names: Names) -> Arrays:
    return {other: fit.there(values[name]) for name, (other, fit) in names.items() if name in values}


def back(values: Arrays, names: Names) -> Arrays:
    """The second's tensors under the first's names and in its layout."""
    return {name: fit.back(values[other]) for name, (other, fit) in names.items() if other in values}
