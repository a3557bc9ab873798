"""What a stretch of wiring may have made its value of: the model's inputs, and what modules took and gave before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.site import GIVEN, LATE, wide
from crosscheck.models.model import Call, Run
from crosscheck.twins.forced import Match, back
from crosscheck.twins.locate import around

NEAR = 1e-9
SOURCES, AHEAD, NEAREST, SEQUENCE, POSITIONS = 6, 2, 4, 3, 64
"""Values that wiring may have used: those that came last before it; those that a unit may have been given changed;
those that are nearer than what goes into the module around."""


class Span(NamedTuple):
    """A stretch of wiring: the calls at its end and at its beginning; or, if there is none at its end, the module that
    ends there."""

    before: str
    after: str
    around: str


def between(run: Run, span: Span) -> list[Call]:
    """The calls that completed in a stretch of wiring and lead on in it."""
    keys = [call.key for call in run.calls]
    start = keys.index(span.after) + 1 if span.after and span.after in keys else 0
    parents = {call.parent for call in run.calls}
    return [call for call in upto(run, span)[start:] if call.key not in parents][:SOURCES]


def upto(run: Run, span: Span) -> list[Call]:
    """The calls that completed before a stretch of wiring ends."""
    keys = [call.key for call in run.calls]
    ends = keys.index(span.around) if span.around in keys else len(keys)
    return run.calls[: begins(run, span.before) if span.before and span.before in keys else ends]


def ending(run: Run, span: Span) -> list[Call]:
    """Calls around others that complete in a stretch of wiring, or after which it begins, the outermost first."""
    parents = {call.key: call.parent for call in run.calls}
    inside, outside = {span.after, *around(span.after, parents)}, {"", *around(span.before, parents)}
    found = inside & set(parents.values()) - outside
    return [call for call in reversed(run.calls) if call.key in found]


def span_here(divergence: Any) -> Span:
    """The stretch in the first model."""
    return Span(divergence.before, divergence.after, divergence.match.unit.first if divergence.match else "")


def span_there(scene: Any, divergence: Any) -> Span:
    """The stretch in the second model."""
    second = {match.unit.first: match.unit.second for match in scene.matches}
    return Span(*(second.get(key, "") for key in span_here(divergence)))


def ended(scene: Any, divergence: Any) -> list[Call]:
    """Those of the first model, or else those of the second."""
    return ending(scene.run, span_here(divergence)) or ending(scene.forced, span_there(scene, divergence))


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


def before(scene: Any, match: Match, divergence: Any, shown: Sequence[Array] = ()) -> list[Source]:
    """Values that the wiring may have used: the model's inputs, and what the units gave that completed before in either
    model, those first that the other model passes by, the nearest last; what reached the module around, which a
    residual connection adds, lies behind what the nearest gave, of which attention is made. Of units further back those
    whose output is shown here, by either side."""
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
    done = [m for m in scene.matches if m.unit.first in mine or m.unit.second in theirs]
    further = [(m.first, "" if m.unit.first in mine else LATE) for m in done if m not in early[-SOURCES:]]
    far = [told(x, call, when) for call, when in further for x in call.outputs.values() if is_part(x, shown)]
    found += [*chain(*given[:-NEAREST]), *entering, *far[-SOURCES:], *chain(*given[-NEAREST:])]
    modules = [m.first for m in scene.matches if m.unit.first and m.unit.first == divergence.after and not m.unit.inner]
    return found + [told(value, call, "") for call in modules[:1] for value in call.outputs.values()]


def is_part(x: Array, shown: Sequence[Array]) -> bool:
    """Whether x, or one position of it, is one of these or a stretch of one along some axis."""
    if x.dtype.kind != "f" or x.size < 2 or not np.ptp(x) > 0:
        return False
    return any(stretches(part, y) for y in shown for part in (x, *(positions(x) if y.ndim == x.ndim - 1 else ())))


def positions(x: Array) -> Iterator[Array]:
    """x at each of a few positions, of sequences."""
    for axis in (0, 1) if x.ndim == SEQUENCE else ():
        yield from (np.take(x, i, axis) for i in range(min(x.shape[axis], POSITIONS)))


def stretches(x: Array, y: Array) -> bool:
    cut = [i for i, (m, n) in enumerate(zip(x.shape, y.shape)) if m != n]
    if x.ndim != y.ndim or len(cut) > 1 or any(x.shape[i] > y.shape[i] for i in cut):
        return False
    axis = cut[0] if cut else 0
    line = np.moveaxis(y, axis, -1)[(0,) * (y.ndim - 1)][: y.shape[axis] - x.shape[axis] + 1]
    first = x[(0,) * x.ndim]
    starts = np.flatnonzero(np.abs(line - first) <= NEAR * np.abs(y).max())
    return any(alike(x, np.take(y, range(i, i + x.shape[axis]), axis)) for i in starts)


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
