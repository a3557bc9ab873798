"""What is wrong where a rung diverges: both models are run again with everything recorded, the second one forced."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from crosscheck.causes.moved import NORM_MOVED, together
from crosscheck.causes.reordered import in_order
from crosscheck.models.model import Call
from crosscheck.twins.carried import carried
from crosscheck.twins.coarse import coarse_places
from crosscheck.twins.entering import follows_a_fault, is_passed_by
from crosscheck.twins.ladder import Finding
from crosscheck.twins.locate import Divergence, locate
from crosscheck.twins.parted import places
from crosscheck.twins.rounded_tables import by_rounded_tables
from crosscheck.twins.scene import Scene, record, without
from crosscheck.twins.twins import Trail, Twins

Explain = Callable[..., Any]
MOST_BORDERS, UNKNOWN = 3, 3
HANDED_ON = ("residual-from-elsewhere", "residual-missing", "value-from-elsewhere", "layer-missing")


@dataclass
class Culprit:
    """A place where the models part, on which rung, and what explains it (None: nothing in the catalogue does)."""

    rung: str
    divergence: Divergence
    explanation: Any = None
    clues: list[str] = field(default_factory=list)
    excused: str = ""
    again: bool = False
    """Whether it shows nothing but what an earlier one does."""


@dataclass
class Located:
    """A scene, its divergences in order with those of them that are shown, those that show nothing new, each with the
    earlier one that did, and those that float32 excuses."""

    scene: Scene
    found: list[Divergence]
    shown: Set[Divergence]
    again: Mapping[Divergence, Divergence]
    coarse: Mapping[Divergence, str]

    @property
    def forward(self) -> int:
        return sum(divergence.direction == "forward" for divergence in self.shown)


def hunt(twins: Twins, finding: Finding, trail: Trail, explain: Explain) -> list[Culprit]:
    """All culprits of a rung in order, each with its explanation."""
    if parted := places(twins, trail):
        return [Culprit(finding.rung, p.parting.divergence, p.explanation, list(p.clues)) for p in parted]
    dtype = twins.rounding(trail.first.dtype)
    located = locate_all(twins, record(twins, trail), dtype)
    best = culprits(twins, located, finding.rung, explain)
    for borders in doubtful(best):
        other = locate_all(twins, without(twins, located.scene, borders), dtype)
        if other.forward + len(borders) <= located.forward:
            fewer = culprits(twins, other, finding.rung, explain)
            if cost(fewer) < cost(best):
                located, best = other, fewer
    return best


def locate_all(twins: Twins, scene: Scene, dtype: str) -> Located:
    modules = {leaf.path: leaf.module for leaf in twins.first.leaves}
    found = locate(scene.matches, scene.run, scene.moved, scene.forced, twins.pairing, modules, dtype)
    coarse: dict[Divergence, str] = {}
    if dtype == "float64" and found:
        coarse = coarse_places(twins, scene, found) | by_rounded_tables(twins, scene, found)
    scene.narrow = bool(coarse)
    # What is wrong forward is wrong backward too, and what the second model passes by has no gradient there.
    faults = [d for d in found if d.direction == "forward" and d not in coarse]
    told = {(d.first, d.wiring) for d in faults}
    again = carried(twins, scene, found)
    news = [
        divergence
        for divergence in found
        if divergence not in again
        and not (follows(divergence) and (divergence.first, divergence.wiring) in told)
        and not (told and (divergence.match is None or is_used_apart(divergence, twins, scene)))
        and not follows_a_fault(divergence, twins, scene, faults)
    ]
    used = [divergence for divergence in news if not is_passed_by(divergence, twins, scene)]
    return Located(scene, found, {*(used or news)}, again, coarse)


def culprits(twins: Twins, located: Located, rung: str, explain: Explain) -> list[Culprit]:
    scene, again = located.scene, located.again
    listed = [d for d in located.found if d in located.shown or d in again]
    found = {d: Culprit(rung, d, excused=located.coarse.get(d, ""), again=d in again) for d in listed}
    for culprit in found.values():
        if not culprit.excused and not culprit.again:
            explain(twins, scene, culprit)
    for divergence, earlier in again.items():
        found[divergence].explanation = found[earlier].explanation if earlier in found else None
    told = [c for c in together(in_order(scene, [*found.values()]), scene.run.calls) if not c.again]
    return [culprit for culprit in told if not follows_a_norm(culprit, told)]


def doubtful(found: Sequence[Culprit]) -> list[set[str]]:
    """Modules, together those of one class of which the same is told, that perhaps begin or end elsewhere than their
    counterparts: something is wrong at their border, and something elsewhere, too."""
    groups: dict[tuple[str, ...], set[str]] = {}
    for culprit in found:
        divergence, match = culprit.divergence, culprit.divergence.match
        if divergence.wiring and divergence.direction == "forward" and not divergence.before and divergence.first:
            key = (match.first.kind, match.second.kind, *sorted(ids(culprit))) if match else ()
            groups.setdefault(key, set()).add(match.unit.first if match else "")
    return [borders for borders in groups.values() if len(borders) < len(found)][:MOST_BORDERS]


def cost(found: Sequence[Culprit]) -> int:
    """How many causes are told; more for what nothing explains."""
    return sum(len(ids(culprit)) or UNKNOWN for culprit in found if not culprit.excused)


def follows(divergence: Divergence) -> bool:
    """Whether it is of the backward pass through a place: what is wrong forward there is wrong backward too."""
    return divergence.direction == "backward" and divergence.gap.kind != "gradient"


def follows_a_norm(culprit: Culprit, culprits: Sequence[Culprit]) -> bool:
    """Whether it is of code in which a norm stands elsewhere, and nothing but what that leads to: other values are
    handed on all through it."""
    own = ids(culprit)
    moved = {c.divergence.first for c in culprits if c.divergence.wiring and ids(c) == {NORM_MOVED}}
    here = culprit.divergence.wiring and culprit.divergence.first in moved and not culprit.excused
    return here and own != {NORM_MOVED} and own <= {NORM_MOVED, *HANDED_ON}


def ids(culprit: Culprit) -> set[str]:
    return {cause.id for cause in culprit.explanation.causes} if culprit.explanation else set()


def is_used_apart(divergence: Divergence, twins: Twins, scene: Scene) -> bool:
    """Whether a parameter is used in a module, or in a call of one, that the other model does not have: what is wrong
    forward there reaches its gradient (the matrix of an embedding that makes the logits, too)."""
    ends = [
        (link.first.path, link.second.path) for link in twins.pairing.links if link.first.path == divergence.gap.path
    ]
    sides = (
        (twins.first, [match.first for match in scene.matches], scene.run.calls),
        (twins.second, [match.second for match in scene.matches], scene.forced.calls),
    )
    for pair in ends:
        for (model, known, calls), end in zip(sides, pair):
            home, *others = (path.rpartition(".")[0] for path in (end, *model.leaf(end).aliases))
            if 0 < times(known, home) < times(calls, home) or not all(times(known, other) for other in others):
                return True
    return False


def times(calls: Sequence[Call], path: str) -> int:
    """How often a module is called."""
    return sum(call.path == path for call in calls)
