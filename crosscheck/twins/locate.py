"""Where two models part, from one forced run: units that make something else of the same, and wiring that brings
something else to a unit.

A unit whose output differs is a culprit. If what reaches a unit differs, the wiring ahead of it is: of the innermost
module around it that was itself reached by the right thing. The same backward, from cotangents; then gradients by
parameters, then state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.model import Arrays, Run
from crosscheck.pairing.links import Pairing
from crosscheck.twins.forced import Match, added, back
from crosscheck.twins.measure import Gap, gap, noises

DIRECTIONS = ("forward", "backward", "state")


@dataclass(frozen=True)
class Divergence:
    """first, second: the modules' paths in either model ("" is the whole). wiring: what happens between the modules
    inside them, of which each agrees; before: the call of the first model that the wrong thing reaches, or comes back
    from; after: the unit that completed before it."""

    direction: str
    first: str
    second: str
    gap: Gap
    wiring: bool = False
    before: str = ""
    after: str = ""
    match: Match | None = field(default=None, compare=False, repr=False)

    @property
    def where(self) -> str:
        name = self.first or "the whole"
        if not self.wiring:
            return f"`{name}`"
        span = f"between `{self.after}` and `{self.before}`" if self.after and self.before else ""
        span = span or (f"before `{self.before}`" if self.before else f"after `{self.after}`" if self.after else "")
        return f"the wiring of {name}" + (f", {span}" if span else "")


@dataclass
class Seen:
    """What the forced run showed of one unit, in the first model's layout."""

    match: Match
    inputs: dict[str, Gap]
    outputs: dict[str, Gap]
    cotangents: dict[str, Gap]
    input_cotangents: dict[str, Gap]
    arrived: list[Array] = field(default_factory=list)

    @property
    def key(self) -> str:
        return self.match.unit.first

    def worst(self, side: str) -> Gap | None:
        bad = [g for g in getattr(self, side).values() if not g.agrees]
        return max(bad, key=lambda g: g.units, default=None)


def locate(
    found: Sequence[Match], run: Run, moved: Sequence[Run], forced: Run, pairing: Pairing, dtype: str
) -> list[Divergence]:
    """Every culprit: forward ones in forward order, then backward ones in backward order, then state."""
    seen = [look(match, moved, forced, dtype) for match in found]
    parents = {call.key: call.parent for call in run.calls}
    forward = forward_culprits(seen, parents)
    return forward + backward_culprits(seen, parents, forward) + leaf_culprits(seen, run, moved, forced, pairing, dtype)


def look(match: Match, moved: Sequence[Run], forced: Run, dtype: str) -> Seen:
    """Compare one unit's tensors."""
    there = next(call for call in forced.calls if call.key == match.unit.second)
    again = [next((c for c in run.calls if c.key == match.unit.first), match.first) for run in moved]
    sides: dict[str, dict[str, Gap]] = {}
    for side, names in (("inputs", match.inputs), ("outputs", match.outputs)):
        for kind, what in ((side, side), (cotangent_of(side), cotangent_of(side))):
            base: Arrays = {n: x for n, x in getattr(match.first, what).items() if x.dtype.kind in "fiu"}
            floor = noises(base, [getattr(call, what) for call in again], dtype)
            came = getattr(there, what)
            other = back(added(came, match.again) if what == "input_cotangents" else came, names)
            label = kind.rstrip("s").replace("_", " ")
            path = match.unit.first
            sides[kind] = {n: gap(label, path, base[n], other[n], floor[n]) for n in base if n in other}
    return Seen(match, **sides, arrived=list(there.inputs.values()))


def cotangent_of(side: str) -> str:
    return {"inputs": "input_cotangents", "outputs": "cotangents"}[side]


def path_of(key: str) -> str:
    return key.partition("#")[0]


def forward_culprits(seen: Sequence[Seen], parents: Mapping[str, str | None]) -> list[Divergence]:
    """Units with a wrong output, and stretches of wiring that brought something wrong, in forward order.

    Since units are forced, what is wrong after one of them is the wiring's doing: of the innermost module that was
    reached by the right thing and gives something wrong, else of the one around the unit that the wrong thing reaches.
    """
    by_key = {s.key: s for s in seen}
    found: list[Divergence] = []
    told: list[Array] = []
    last, tainted = "", False
    for s in seen:
        unit, came, wrong = s.match.unit, s.worst("inputs"), s.worst("outputs")
        if not unit.inner:
            if wrong and not came and not tainted:
                found.append(wiring_at("forward", s.key, by_key, wrong, after=last_inside(s.key, seen, parents)))
            tainted = tainted or wrong is not None
            continue
        if came and not tainted and not is_told(s.arrived, told):
            body = body_of(s.key, parents, by_key, "inputs")
            found.append(wiring_at("forward", body, by_key, came, before=s.key, after=last))
        if came:
            told += s.arrived
        if wrong:
            found.append(Divergence("forward", path_of(unit.first), path_of(unit.second), wrong, match=s.match))
        last, tainted = s.key, False
    return found


def is_told(arrived: Sequence[Array], told: Sequence[Array]) -> bool:
    """Whether the very same wrong thing has reached an earlier unit."""
    return any(a.shape == b.shape and np.array_equal(a, b) for a in arrived for b in told)


def last_inside(key: str, seen: Sequence[Seen], parents: Mapping[str, str | None]) -> str:
    within = [s.key for s in seen if s.match.unit.inner and key in ancestors(s.key, parents)]
    return within[-1] if within else ""


def ancestors(key: str, parents: Mapping[str, str | None]) -> set[str]:
    found, at = set(), parents.get(key)
    while at is not None:
        found.add(at)
        at = parents.get(at)
    return found


def body_of(key: str, parents: Mapping[str, str | None], seen: Mapping[str, Seen], side: str) -> str:
    """The innermost module around a call that was itself reached by the right thing: its body went wrong."""
    at = parents.get(key)
    while at is not None and at != "":
        if at in seen and not seen[at].worst(side):
            return at
        at = parents.get(at)
    return ""


def wiring_at(
    direction: str, body: str, seen: Mapping[str, Seen], wrong: Gap, before: str = "", after: str = ""
) -> Divergence:
    match = seen[body].match if body in seen else None
    second = path_of(match.unit.second) if match else ""
    return Divergence(direction, path_of(body), second, wrong, True, before, after, match)


def backward_culprits(
    seen: Sequence[Seen], parents: Mapping[str, str | None], forward: Sequence[Divergence]
) -> list[Divergence]:
    """Units that hand back something wrong, and wiring that does, in backward order; a unit or stretch that is wrong
    forward is wrong backward too and is not told twice."""
    by_key = {s.key: s for s in seen}
    told = {(d.first, d.wiring) for d in forward}
    found: list[Divergence] = []
    following = ""
    for s in reversed(seen):
        unit = s.match.unit
        if not unit.inner:
            continue
        if wrong := s.worst("cotangents"):
            body = ahead(following, s.key, seen, parents) or body_of(s.key, parents, by_key, "cotangents")
            if (path_of(body), True) not in told:
                found.append(wiring_at("backward", body, by_key, wrong, before=following, after=s.key))
        if (wrong := s.worst("input_cotangents")) and (path_of(unit.first), False) not in told:
            found.append(Divergence("backward", path_of(unit.first), path_of(unit.second), wrong, match=s.match))
        following = s.key
    return found


def ahead(following: str, key: str, seen: Sequence[Seen], parents: Mapping[str, str | None]) -> str:
    """The outermost module, entered after a unit, that got the right cotangent and handed back a wrong one."""
    around = [s for s in seen if s.key in ancestors(following, parents) - ancestors(key, parents)]
    return next((s.key for s in reversed(around) if s.worst("input_cotangents") and not s.worst("cotangents")), "")


def leaf_culprits(
    seen: Sequence[Seen], run: Run, moved: Sequence[Run], forced: Run, pairing: Pairing, dtype: str
) -> list[Divergence]:
    """Parameters whose gradient, and buffers whose value afterwards, is wrong, by the unit that owns them."""
    found = []
    for gap_ in [
        *gradient_gaps(run, run, moved, forced, pairing, dtype),
        *state_gaps(run, run, moved, forced, pairing, dtype),
    ]:
        if gap_.agrees:
            continue
        owner = gap_.path.rpartition(".")[0]
        match = next((s.match for s in seen if path_of(s.key) in (owner, owner.partition(".")[2])), None)
        first, second = (path_of(match.unit.first), path_of(match.unit.second)) if match else (owner, "")
        direction = "state" if gap_.kind == "state" else "backward"
        found.append(Divergence(direction, first, second, gap_, match=match))
    return found


def gradient_gaps(base: Run, run: Run, moved: Sequence[Run], other: Run, pairing: Pairing, dtype: str) -> list[Gap]:
    """Gradients by parameters, in the first model's layout."""
    linked = {link.first.path for link in pairing.links}

    def kept(gradients: Arrays) -> Arrays:
        return pairing.kept({path: value for path, value in gradients.items() if path in linked})

    mine, pulled = kept(run.gradients), pairing.pull(other.gradients)
    floor = noises(kept(base.gradients), [kept(m.gradients) for m in moved], dtype, shared=True)
    return [gap("gradient", path, mine[path], pulled[path], floor[path]) for path in mine if path in pulled]


def state_gaps(base: Run, run: Run, moved: Sequence[Run], other: Run, pairing: Pairing, dtype: str) -> list[Gap]:
    """Buffers afterwards, in the first model's layout."""
    linked = {link.first.path for link in pairing.links}

    def kept(state: Arrays) -> Arrays:
        return {path: value for path, value in state.items() if path in linked and value.dtype.kind == "f"}

    mine, pulled = kept(run.state), pairing.pull(other.state)
    floor = noises(kept(base.state), [kept(m.state) for m in moved], dtype)
    return [gap("state", path, mine[path], pulled[path], floor[path]) for path in mine if path in pulled]
