"""Modules that are called in another order: each is given what another is given on the other side, and it is one cause.

f(g(x)) and g(f(x)):            x reaches g or f; the other one what the first made of it
x + g(x) + f(x + g(x)), and the other way round: the other one x and what the first made of it
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import CAUSES, cause
from crosscheck.causes.explanation import Explanation
from crosscheck.causes.site import norm
from crosscheck.causes.stretch import alike, begins
from crosscheck.causes.sums import turned
from crosscheck.causes.wiring_scenes import brought
from crosscheck.models.model import Call, Run

cause(
    "modules-in-another-order",
    "wiring",
    "modules, or the branches that are added one after another, are called in another order",
    "self.b(self.a(x))",
    "self.a(self.b(x))",
    "call them in JAX's order",
    "call them in torch's order",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.Sequential.html",
)

HANDED_ON = {"residual-from-elsewhere", "residual-missing", "value-from-elsewhere", "concat-other-value"}
"""What a stretch between such modules may be told to be."""
TINY = 1e-300


@dataclass(frozen=True)
class Place:
    """Where own code brings something else; before: the call that it reaches, "" at the end; first, second: what."""

    index: int
    before: str
    there: str
    first: Array
    second: Array


@dataclass(frozen=True)
class Moved:
    """places: between which values change places; end: what the module that is called last gives, if something else
    goes on in its place."""

    places: Sequence[Place]
    end: Array | None = None

    @property
    def start(self) -> int:
        return self.places[0].index

    @property
    def stop(self) -> int:
        return self.places[-1].index


def in_order(scene: Any, culprits: Sequence[Any]) -> list[Any]:
    """The culprits, where those that are of modules called in another order are one, and what this leads to before the
    next module is not told."""
    found: dict[int, Any] = dict(enumerate(culprits))
    for body in dict.fromkeys(c.divergence.first for c in culprits):
        here = [i for i, c in found.items() if c.divergence.first == body]
        places = [p for i in here for p in place_of(scene, i, found[i])]
        while places:
            is_new = not culprits[places[0].index].again
            moved = (permuted(scene.run, places) or branches(scene.run, places)) if is_new else None
            told = explained(scene, moved.places) if moved else None
            if moved is None or told is None:
                places = places[1:]
                continue
            gone = [i for i in here if i in found and i > moved.start and leads_to(scene, found[i], i, moved)]
            found[moved.start] = replace(found[moved.start], explanation=told, clues=[])
            found = {i: c for i, c in found.items() if i not in gone}
            places = [p for p in places if p.index > moved.stop and p.index in found]
    return [*found.values()]


def leads_to(scene: Any, culprit: Any, index: int, moved: Moved) -> bool:
    """Whether modules called in another order lead to this: it is among the places, or between them and no more than
    another value; or what goes on behind them."""
    if index in {p.index for p in moved.places}:
        return True
    goes_on = moved.end is not None and follows(scene.run, culprit.divergence, moved.end)
    return goes_on or (index < moved.stop and bool(ids(culprit)) and ids(culprit) <= HANDED_ON)


def follows(run: Run, divergence: Any, end: Array) -> bool:
    """Whether a stretch begins with the module that gives what comes last."""
    parents = {call.key: call.parent for call in run.calls}
    body = divergence.match.unit.first if divergence.match else ""
    begins_with = child(parents, body, divergence.after)
    return any(child(parents, body, call.key) == begins_with for call in givers(run, end))


def child(parents: Mapping[str, str | None], body: str, key: str) -> str:
    """The call around a call, or that itself, which the body makes."""
    while (above := parents.get(key)) is not None and above != body:
        key = above
    return key


def ids(culprit: Any) -> set[str]:
    return {cause.id for cause in culprit.explanation.causes} if culprit.explanation else set()


def place_of(scene: Any, index: int, culprit: Any) -> list[Place]:
    """A stretch of own code whose end one value of the same size reaches; none else."""
    divergence = culprit.divergence
    if not divergence.wiring or divergence.direction != "forward" or culprit.excused:
        return []
    mine, theirs = brought(scene, divergence)
    apart = [(mine[name], y) for name, y in theirs.items() if name in mine and not alike(mine[name], y)]
    second = {match.unit.first: match.unit.second for match in scene.matches}
    if len(apart) != 1 or apart[0][0].shape != apart[0][1].shape:
        return []
    return [Place(index, divergence.before, second.get(divergence.before, ""), *apart[0])]


def permuted(run: Run, places: Sequence[Place]) -> Moved | None:
    """The first place with all those between which values have changed places: what reaches one of them on one side
    reaches another on the other side, or is what a module gives last on that side."""
    found = [places[0]]
    for place in found:  # which grows
        found += [p for p in places if p not in found and (same(p.first, place.second) or same(p.second, place.first))]
    last = max(p.index for p in found)
    found = [p for p in places if p in found or (p.index < last and givers(run, p.first) and givers(run, p.second))]
    ends = [p.second for p in found if not any(same(p.second, q.first) for q in found)]
    others = [p.first for p in found if not any(same(p.first, q.second) for q in found)]
    if len(found) < 2 or len(ends) > 1 or len(others) != len(ends) or not all(givers(run, x) for x in (*ends, *others)):
        return None
    return Moved(found, *ends)


def branches(run: Run, places: Sequence[Place]) -> Moved | None:
    """The first place and another: to each comes x, on opposite sides; on the other x and what a module made of it."""
    one = places[0]
    for two in (p for p in places[1:] if same(p.second, one.first)):
        made = [one.second - one.first, two.first - two.second]
        if all(givers(run, x) for x in made):
            return Moved([one, two], made[0])
    return None


def same(x: Array, y: Array) -> bool:
    """Whether the values are, wherever the channels lie."""
    return any(alike(x, z) for z in (y, *turned(y)))


def givers(run: Run, x: Array) -> list[Call]:
    """The modules that give this. Of differences the rounding is that of what they are made of."""
    near = 1e-6 * max(np.abs(x).max(initial=0), TINY)
    return [call for call in run.calls for y in call.outputs.values() if gives(y, x, near)]


def gives(y: Array, x: Array, near: float) -> bool:
    if y.size != x.size or y.dtype.kind != "f":
        return False
    return any(np.allclose(np.ravel(z), np.ravel(x), 0, near) for z in (y, *turned(y)))


def explained(scene: Any, moved: Sequence[Place]) -> Explanation | None:
    """None if both sides call them in the same order."""
    called = [p for p in moved if p.before and p.there]
    mine = sorted(called, key=lambda p: begins(scene.run, p.before))
    theirs = sorted(called, key=lambda p: begins(scene.forced, p.there))
    if mine == theirs:
        return None
    first, second = (", then ".join(f"`{p.before}`" for p in changed(order, mine, theirs)) for order in (mine, theirs))
    size = norm(moved[0].first) or 1.0
    before = norm(moved[0].first - moved[0].second) / size
    return Explanation((CAUSES["modules-in-another-order"],), first, second, "neither", before, 0.0)


def changed(order: Sequence[Place], mine: Sequence[Place], theirs: Sequence[Place]) -> list[Place]:
    """Without those that come last on both sides."""
    last = mine[-1:] if mine[-1] is theirs[-1] else []
    return [p for p in order if p not in last]
