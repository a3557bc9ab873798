"""Where two models part if the second is a plain function whose forward pass differs: one place after the other.

Of a function all values are known, so an explanation can be put to the test: the function is gone through once more,
with what it should have made in the place of what it is said to have made. Then what follows has to be right: what
comes out, or a later module. An explanation after which nothing is right is none, and of what follows on a place that
is not explained nothing is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from crosscheck.axes import Array
from crosscheck.causes.clues import clues
from crosscheck.causes.explain import explanations
from crosscheck.causes.explanation import Explanation
from crosscheck.causes.pool_scenes import parting_sites
from crosscheck.models.model import Call, Pool, Run
from crosscheck.twins.gaps import Noise, output_gaps
from crosscheck.twins.pool import ALIKE, Candidate, Known, Parting, innermost, parting
from crosscheck.twins.twins import Trail, Twins

PLACES = 4
"""At most, one after the other."""


@dataclass(frozen=True)
class Place:
    """A place, what explains it, and clues if nothing does."""

    parting: Parting
    explanation: Explanation | None = None
    clues: Sequence[str] = ()


@dataclass(frozen=True)
class Walk:
    """The first model's run and runs nearby, and the function's values, some replaced by what they should be."""

    twins: Twins
    trail: Trail
    run: Run
    moved: Sequence[Run]
    pool: Pool
    instead: Mapping[int, Array]

    @property
    def dtype(self) -> str:
        return self.twins.rounding(self.trail.first.dtype)

    @cached_property
    def known(self) -> Known:
        return Known(self.pool.values, ALIKE.get(self.dtype, 1e-2))

    def is_right(self) -> bool:
        """Whether the function gives what the first model gives."""
        noise, made = Noise(self.run, self.moved), Run(self.pool.outputs)
        gaps = output_gaps(self.twins, self.trail.first.train, self.run, made, noise, self.dtype)
        return all(gap.agrees for gap in gaps)

    def parting(self) -> Parting:
        ask = replace(self.trail.first, trace=True, cotangents=None)
        return parting(self.run.calls, self.known, self.moved, ask, self.dtype)

    def mended(self, candidate: Candidate, right: Array) -> Walk:
        """The same with what is right in the place of a value."""
        there = candidate.fit.there(right).astype(self.pool.values[candidate.place].dtype)
        instead = {**self.instead, candidate.place: there}
        return replace(self, pool=self.twins.second.pool(self.trail.second, instead), instead=instead)


def places(twins: Twins, trail: Trail) -> list[Place]:
    """All places that are explained, or else the first; nothing if the second model is no function, or is right."""
    pool = twins.second.pool(trail.second)
    if not pool.values:
        return []
    ask = replace(trail.first, trace=True, cotangents=None)
    run = twins.first.run(ask)
    if len(run.calls) < 2:
        return []
    walk = Walk(twins, trail, run, twins.nearby(ask), pool, {})
    if walk.is_right():
        return []
    return explained(walk, PLACES) or [unexplained(walk)]


def unexplained(walk: Walk) -> Place:
    place = walk.parting()
    return Place(place, None, [clue for site in parting_sites(walk.twins, place)[:1] for clue in clues(site)])


def explained(walk: Walk, most: int) -> list[Place]:
    """The places from here on, as far as explanations stand the test. One after which only the next place is explained,
    by an explanation that does, stands it too."""
    place = walk.parting()
    if any(candidate.value.shape != place.made.shape for candidate in place.instead):
        return simplest(walk, place)
    doubtful: tuple[Place, Walk] | None = None
    for candidate, explanation in explanations(walk.twins, place):
        after = walk.mended(candidate, place.made)
        found = Place(place, explanation)
        if after.is_right():
            return [found]
        if follows(walk, after, place):
            return [found, *(explained(after, most - 1) if most > 1 else ())]
        doubtful = doubtful or (found, after)
    rest = explained(doubtful[1], most - 1) if doubtful and most > 1 else []
    return [doubtful[0], *rest] if doubtful and rest else []


def simplest(walk: Walk, place: Parting) -> list[Place]:
    """By the fewest causes, where the function makes something of another size: what follows is of other sizes too, so
    nothing can be put to the test."""
    found = [Place(place, explanation) for _, explanation in explanations(walk.twins, place)]
    return sorted(found, key=lambda at: len(at.explanation.causes) if at.explanation else 0)[:1]


def follows(before: Walk, after: Walk, place: Parting) -> bool:
    """Whether a module from the place on is right now and was not."""
    inner, old, new = innermost(before.run.calls), before.known, after.known
    there = next((i for i, call in enumerate(inner) if call.key == place.call.key), len(inner))
    later = inner[there if place.wiring else there + 1 :]
    return any(new.all(call.outputs) and not old.all(call.outputs) and not repeats(call, place) for call in later)


def repeats(call: Call, place: Parting) -> bool:
    """Whether a module gives nothing but what was put in place."""
    return Known([place.made], 0.0).all(call.outputs)
