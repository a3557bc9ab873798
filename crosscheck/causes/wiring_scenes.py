"""Sites of wiring: what own code between units brings to one, gives at its end, or hands back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.site import Side, Site, wide
from crosscheck.causes.stretch import (
    AHEAD,
    SOURCES,
    Source,
    alike,
    before,
    between,
    ended,
    span_here,
    span_there,
    told,
    upto,
)
from crosscheck.causes.unit_scenes import apart, leaves_of, output_sites, there
from crosscheck.models.model import Arrays, Call, Model
from crosscheck.twins.forced import Match, back


def returning_sites(twins: Any, scene: Any, divergence: Any) -> list[Site]:
    """What comes back to the output of the unit `after`, or to the inputs of the module around."""
    reached = next((m for m in scene.matches if divergence.after and m.unit.first == divergence.after), None)
    match = reached or divergence.match
    if match is None:
        return []
    side_, kind = ("outputs", "cotangents") if reached else ("inputs", "input_cotangents")
    theirs = back(getattr(there(scene, match), kind), getattr(match, side_))
    values = getattr(match.first, side_)
    common = {
        "sides": wiring_sides(twins, scene, divergence),
        "cotangents": returned(scene, match, divergence),
        "given": went_on(scene, match, divergence),
        "train": scene.asks[0].train,
    }
    found = [
        Site("gradient", wide(mine), wide(theirs[name]), (wide(values[name]),), name=name, **common)
        for name, mine in getattr(match.first, kind).items()
        if name in theirs and name in values
    ]
    return sorted(found, key=apart, reverse=True)


def returned(scene: Any, match: Match, divergence: Any) -> tuple[Array, ...]:
    """Cotangents that the wiring may have passed on: of the outputs around, and those that units made that come later,
    the nearest last."""
    whole = next((m for m in scene.matches if not m.unit.first), None)
    found = [wide(g) for g in whole.first.cotangents.values()] if whole else []
    if divergence.match is not None:
        found += [wide(g) for g in divergence.match.first.cotangents.values()]
    gave = [wide(g) for other in following(scene, match, divergence) for g in other.first.input_cotangents.values()]
    return (*found, *gave[:SOURCES][::-1])


def went_on(scene: Any, match: Match, divergence: Any) -> tuple[Array, ...]:
    """What reached the units that come later."""
    took = [wide(x) for other in following(scene, match, divergence) for x in other.first.inputs.values()]
    return tuple(took[:SOURCES])


def following(scene: Any, match: Match, divergence: Any) -> list[Match]:
    """The innermost units that come later; all those in the module around if it is that whose inputs differ."""
    keys = [m.unit.first for m in scene.matches]
    start = keys.index(match.unit.first) + 1 if divergence.after in keys else 0
    return [other for other in scene.matches[start:] if other.unit.inner]


def wiring_sites(twins: Any, scene: Any, divergence: Any) -> list[Site]:
    """What reaches the unit `before`, or what the module around gives, as something made of values from before."""
    reached = reached_by(scene, divergence)
    match = reached or divergence.match
    if match is None:
        return []
    mine, theirs = brought(scene, divergence)
    body = divergence.match.first.path if divergence.match else ""
    inputs = before(scene, match, divergence, [*mine.values(), *theirs.values()])
    owners = {leaf.module for model in (twins.first, twins.second) for leaf in model.leaves}
    sides = (passed_by(twins, scene, divergence), theirs), (between(scene.run, span_here(divergence)), mine)
    given = [source for calls, values in sides for source in taken_by(owners, calls, [*values.values()])]
    given += [told(y, call) for calls, _ in sides for call in calls for y in call.outputs.values()]
    given += [told(y, call) for call in unmatched(scene, divergence, owners) for y in call.outputs.values()]
    sizes = {x.size for x in mine.values()}
    given += [told(y, call) for call in ended(scene, divergence) for y in call.outputs.values() if y.size not in sizes]
    common = {
        "inputs": tuple(source.array for source in inputs),
        "sides": wiring_sides(twins, scene, divergence),
        "weights": leaves_of(twins.first.leaves, body, scene.asks[0].values, True),
        "buffers": leaves_of(twins.first.leaves, body, scene.asks[0].values, False),
        "given": tuple(source.array for source in given),
        "reaches": reached.first.kind if reached else "",
        "called": tuple((source.words, source.kind) for source in (*inputs, *given)),
        "arrived": {i: source.there for i, source in enumerate(inputs) if source.there is not None},
        "train": scene.asks[0].train,
    }
    return sorted(
        [
            Site("value", counted(value), counted(theirs[name]), name=name, **common)
            for name, value in mine.items()
            if name in theirs and value.dtype.kind in "fiub"
        ],
        key=apart,
        reverse=True,
    )


def counted(x: Array) -> Array:
    """Marks as 0 and 1, all else as it is, numbers with a fraction in float64."""
    return x.astype(np.int64) if x.dtype.kind == "b" else wide(x)


def brought(scene: Any, divergence: Any) -> tuple[Arrays, Arrays]:
    """What either side brings to the end of a stretch of wiring: to a unit, or out of the module around."""
    reached = reached_by(scene, divergence)
    match, side_ = (reached, "inputs") if reached else (divergence.match, "outputs")
    if match is None:
        return {}, {}
    names = match.inputs | match.uneven_inputs if reached else match.outputs | match.uneven_outputs
    return getattr(match.first, side_), back(getattr(there(scene, match), side_), names)


def unmatched(scene: Any, divergence: Any, owners: Set[str]) -> list[Call]:
    """The first model's modules around others, before the stretch ends, that have a parameter of their own and no
    counterpart: what they give no unit gives."""
    known, parents = {m.unit.first for m in scene.matches}, {call.parent for call in scene.run.calls}
    calls = upto(scene.run, span_here(divergence))
    return [c for c in calls if c.key and c.key in parents and c.path in owners and c.key not in known][-SOURCES:]


def taken_by(owners: Set[str], calls: Iterable[Call], made: Sequence[Array]) -> list[Source]:
    """What goes into layers of a stretch that is not what the stretch makes."""
    taken = [(x, call.key) for call in calls if call.path in owners for x in call.inputs.values()]
    return [Source(wide(x), f"what goes into `{key}`") for x, key in taken if not any(alike(x, y) for y in made)]


def reached_by(scene: Any, divergence: Any) -> Match | None:
    """The unit to which a stretch of wiring leads."""
    return next((m for m in scene.matches if divergence.before and m.unit.first == divergence.before), None)


def joined_sites(twins: Any, scene: Any, divergence: Any) -> list[Site]:
    """What a unit that is given another size than its counterpart makes of the smaller of the two, or of values before:
    seen as one with what is done ahead of it, a padding by hand."""
    match = reached_by(scene, divergence)
    if match is None or not match.uneven_inputs:
        return []
    theirs = back(there(scene, match).inputs, match.uneven_inputs)
    given = min((wide(x) for x in (*theirs.values(), *match.first.inputs.values())), key=np.size)
    ahead = [source.array for source in before(scene, match, divergence) if source.array.ndim == given.ndim]
    sites = output_sites(twins, scene, match)
    return [replace(site, inputs=(x,)) for x in (given, *ahead[: -AHEAD - 1 : -1]) for site in sites]


def wiring_sides(twins: Any, scene: Any, divergence: Any) -> tuple[Side, Side]:
    """Of wiring the settings of the module around, and of those without parameters in it."""
    first, second = between(scene.run, span_here(divergence)), between(scene.forced, span_there(scene, divergence))
    return wired(twins.first, divergence.first, first), wired(twins.second, divergence.second, second)


def passed_by(twins: Any, scene: Any, divergence: Any) -> list[Call]:
    """The second model's layers that the first passes by, in the stretch and the nearest ahead of it."""
    owners = {leaf.module for leaf in twins.second.leaves} - {match.second.path for match in scene.matches}
    return [call for call in upto(scene.forced, span_there(scene, divergence)) if call.path in owners][-SOURCES:]


def wired(model: Model, body: str, calls: Iterable[Call]) -> Side:
    config = dict(model.config(body)) if body in model.kinds() else {}
    for call in calls:
        config |= model.config(call.path)
    return Side(model.framework, "", config)
