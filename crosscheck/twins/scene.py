"""Everything that is recorded of a rung that diverges: the first model's run, and the second's, forced."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from crosscheck.models.model import Ask, Forced, Run
from crosscheck.twins.forced import Match, forces, matches
from crosscheck.twins.locate import Seen, look, other_borders
from crosscheck.twins.twins import Trail, Twins
from crosscheck.twins.units import units


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


def without(twins: Twins, scene: Scene, borders: Set[str]) -> Scene:
    """The same, these modules not forced: what is between their last units and the next ones is one stretch."""
    found = [match for match in scene.matches if match.unit.first not in borders]
    force = forces(found)
    forced = twins.second.run(replace(scene.asks[1], forced=force))
    return Scene(found, scene.run, scene.moved, forced, force, scene.asks)
