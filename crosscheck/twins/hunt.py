"""What is wrong where a rung diverges: both models are run again with everything recorded, the second one forced."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from crosscheck.causes.moved import NORM_MOVED, together
from crosscheck.causes.reordered import in_order
from crosscheck.models.model import Ask, Forced, Run
from crosscheck.twins.carried import carried
from crosscheck.twins.coarse import coarse_places
from crosscheck.twins.entering import follows_a_fault, is_passed_by
from crosscheck.twins.forced import Match, forces, matches
from crosscheck.twins.ladder import Finding
from crosscheck.twins.locate import Divergence, Seen, locate, look, other_borders
from crosscheck.twins.parted import places
from crosscheck.twins.rounded_tables import by_rounded_tables
from crosscheck.twins.twins import Trail, Twins
from crosscheck.twins.units import units

Explain = Callable[..., Any]
HANDED_ON = ("residual-from-elsewhere", "residual-missing", "value-from-elsewhere", "layer-missing")


@dataclass
class Culprit:
    """A place where the models part, on which rung, and what explains it (None: nothing in the catalogue does)."""

    rung: str
    divergence: Divergence
    explanation: Any = None
    clues: list[str] = field(default_factory=list)
    excused: str = ""


@dataclass
class Scene:
    """Everything that was recorded: the first model's own run, the same nearby, the second's forced run. narrow:
    whether either keeps a narrower dtype somewhere."""

    matches: list[Match]
    run: Run
    moved: list[Run]
    forced: Run
    forces: Mapping[str, Forced]
    asks: tuple[Ask, Ask]
    narrow: bool = False


def hunt(twins: Twins, finding: Finding, trail: Trail, explain: Explain) -> list[Culprit]:
    """All culprits of a rung in order, each with its explanation."""
    if parted := places(twins, trail):
        return [Culprit(finding.rung, p.parting.divergence, p.explanation, list(p.clues)) for p in parted]
    scene = record(twins, trail)
    dtype = twins.rounding(trail.first.dtype)
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
    shown = {*(used or news)}
    culprits = [Culprit(finding.rung, d, excused=coarse.get(d, "")) for d in found if d in shown or d in again]
    for culprit in culprits:
        if not culprit.excused and culprit.divergence not in again:
            explain(twins, scene, culprit)
    culprits = together(in_order(scene, culprits, again), scene.run.calls)
    return [culprit for culprit in culprits if not follows_a_norm(culprit, culprits)]


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
    """Whether a parameter is used by two modules, one of which the other model does not have: what is wrong forward
    there reaches its gradient (the matrix of an embedding that makes the logits, too)."""
    ends = [
        (link.first.path, link.second.path) for link in twins.pairing.links if link.first.path == divergence.gap.path
    ]
    known = [{match.first.path for match in scene.matches}, {match.second.path for match in scene.matches}]
    return any(
        alias.rpartition(".")[0] not in paths
        for pair in ends
        for model, paths, path in zip((twins.first, twins.second), known, pair)
        for alias in model.leaf(path).aliases
    )


def record(twins: Twins, trail: Trail) -> Scene:
    mine, theirs = replace(trail.first, trace=True), replace(trail.second, trace=True)
    start = time.perf_counter()
    run = twins.first.run(mine)
    moved = twins.nearby(mine, time.perf_counter() - start)
    other = twins.second.run(theirs)
    pairs = units(twins.first, twins.second, run.calls, other.calls, twins.pairing)
    found, dtype = matches(pairs, run, other, twins.images), twins.rounding(trail.first.dtype)
    del other
    for inner in (False, True):
        force = forces(found, inner)
        forced = twins.second.run(replace(theirs, forced=force))
        before, found = found, matches(pairs, run, forced, twins.images)  # by values that no fault upstream has touched
        seen = [look(match, moved, forced, dtype) for match in found]
        if not inner and laid(found) == laid(before) and not any(map(is_torn, seen)):
            return Scene(found, run, moved, forced, force, (mine, theirs))
    borders = other_borders(seen, {call.key: call.parent for call in run.calls})
    found = [match for match in found if match.unit.first not in borders]
    force = forces(found)
    return Scene(found, run, moved, twins.second.run(replace(theirs, forced=force)), force, (mine, theirs))


def laid(found: Sequence[Match]) -> list[Any]:
    """How the tensors of all units correspond."""
    return [(match.inputs, match.outputs, match.again) for match in found]


def is_torn(seen: Seen) -> bool:
    """Whether a module around others takes or gives something else: it may begin or end elsewhere."""
    return not seen.match.unit.inner and bool(seen.worst("inputs") or seen.worst("outputs"))
