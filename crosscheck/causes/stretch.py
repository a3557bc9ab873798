"""What a stretch of wiring may have made its value of: the model's inputs, and what modules took and gave before."""

from __future__ import annotations

from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.site import GIVEN, LATE, wide
from crosscheck.models.model import Call, Run
from crosscheck.twins.forced import Match, back
from crosscheck.twins.locate import around

NEAR = 1e-9
SOURCES, AHEAD, NEAREST = 6, 2, 4
"""Values that wiring may have used: those that came last before it; those that a unit may have been given changed;
those that are nearer than what goes into the module around."""


class Span(NamedTuple):
    """A stretch of wiring: the calls at its end and at its beginning."""

    before: str
    after: str


def between(run: Run, span: Any) -> list[Call]:
    """The calls that completed in a stretch of wiring and lead on in it."""
    keys = [call.key for call in run.calls]
    start = keys.index(span.after) + 1 if span.after and span.after in keys else 0
    end = begins(run, span.before) if span.before and span.before in keys else len(keys)
    parents = {call.parent for call in run.calls}
    return [call for call in run.calls[start:end] if call.key not in parents][:SOURCES]


def ending(run: Run, span: Any) -> list[Call]:
    """Calls around others that complete in a stretch of wiring, or after which it begins, the outermost first."""
    parents = {call.key: call.parent for call in run.calls}
    inside, outside = {span.after, *around(span.after, parents)}, {"", *around(span.before, parents)}
    found = inside & set(parents.values()) - outside
    return [call for call in reversed(run.calls) if call.key in found]


def span_there(scene: Any, divergence: Any) -> Span:
    """The stretch in the second model."""
    second = {match.unit.first: match.unit.second for match in scene.matches}
    return Span(second.get(divergence.before, ""), second.get(divergence.after, ""))


def ended(scene: Any, divergence: Any) -> list[Call]:
    """Those of the first model, or else those of the second."""
    return ending(scene.run, divergence) or ending(scene.forced, span_there(scene, divergence))


class Source(NamedTuple):
    """A value that wiring may have used, what it is in words, and the class of the module that gave it; there: what is
    in its place in the second model, if that is another value."""

    array: Array
    words: str
    kind: str = ""
    there: Array | None = None


def told(value: Array, call: Call, when: str = GIVEN) -> Source:
    return Source(wide(value), f"`{call.key}`", when + call.kind)


def reaching(scene: Any, call: Call, words: str) -> list[Source]:
    """What a call of either model is given, and what is in its place in the other."""
    pairs = [pair for match in scene.matches for pair in taken(scene, match) if is_around(call, match)]
    mine = not any(call is other for other in scene.forced.calls)
    found = []
    for value in call.inputs.values():
        same = [pair for pair in pairs if np.array_equal(pair[0 if mine else 1], value)]
        here, there = same[0] if same else (value, value)
        found.append(Source(wide(here), words, "", None if alike(here, there) else wide(there)))
    return found


def is_around(call: Call, match: Match) -> bool:
    """Whether a unit is this call or lies in it."""
    return any(f"{key}.".startswith(f"{call.key}.") for key in (match.unit.first, match.unit.second))


def taken(scene: Any, match: Match) -> list[tuple[Array, Array]]:
    """What a unit is given in the first model, beside what comes to it in the second: where a stream went wrong before,
    something else."""
    there = next(call for call in scene.forced.calls if call.key == match.unit.second)
    arrived = back(there.inputs, match.inputs)
    return [(value, arrived[name]) for name, value in match.first.inputs.items() if name in arrived]


def alike(a: Array, b: Array) -> bool:
    return a.shape == b.shape and np.allclose(a, b, NEAR, NEAR * np.abs(a).max(initial=0))


def before(scene: Any, match: Match, divergence: Any) -> list[Source]:
    """Values that the wiring may have used: the model's inputs, and what the units gave that completed before in either
    model, those first that the other model passes by, the nearest last; what reached the module around, which a
    residual connection adds, lies behind what the nearest gave, of which attention is made."""
    found = [Source(wide(value), f"the input {name}") for name, value in scene.asks[0].inputs.items()]
    entering = []
    if divergence.match is not None:
        where = f"`{divergence.first}`" if divergence.first else "the whole"
        entering = reaching(scene, divergence.match.first, f"what goes into {where}")
    for call in ended(scene, divergence):
        entering += reaching(scene, call, f"what goes into `{call.key}`")
    enters = bool(divergence.before)
    mine, theirs = earlier(scene.run, match.unit.first, enters), earlier(scene.forced, match.unit.second, enters)
    inner = [m for m in scene.matches if m.unit.inner and m.unit.first != match.unit.first]
    late = [m for m in inner if m.unit.first not in mine and m.unit.second in theirs]
    early = [m for m in inner if m.unit.first in mine]
    known = {m.unit.first for m in scene.matches} | {call.parent for call in scene.run.calls}
    passed = [call for call in scene.run.calls if call.key in mine and call.key not in known]
    for call in (m.first for m in early[-AHEAD:]):
        found += reaching(scene, call, f"what goes into `{call.key}`")
    sources = [(call, "") for call in passed[-SOURCES // 2 :]]
    sources += [(m.first, LATE) for m in late[-SOURCES // 2 :]] + [(m.first, "") for m in early[-SOURCES:]]
    given = [[told(value, call, when) for value in call.outputs.values()] for call, when in sources]
    found += [*chain(*given[:-NEAREST]), *entering, *chain(*given[-NEAREST:])]
    modules = [m.first for m in scene.matches if m.unit.first and m.unit.first == divergence.after and not m.unit.inner]
    return found + [told(value, call, "") for call in modules[:1] for value in call.outputs.values()]


def earlier(run: Run, key: str, enters: bool) -> set[str]:
    """The calls that completed before this one, or before it began."""
    keys = [call.key for call in run.calls]
    end = keys.index(key) if key in keys else len(keys)
    return set(keys[: begins(run, key) if enters else end])


def begins(run: Run, key: str) -> int:
    """The place among the calls, which are in the order in which they complete, at which a call begins."""
    parents = {call.key: call.parent for call in run.calls}
    for place, call in enumerate(run.calls):
        at: str | None = call.key
        while at is not None and at != key:
            at = parents.get(at)
        if at == key:
            return place
    return len(run.calls)
