"""Where two models part, from one forced run: units that make something else of the same, and wiring that brings
something else to a unit.

Every unit takes and gives what it should, so each is judged alone. An innermost unit whose output differs is a
culprit. If what reaches a unit differs, the body of the module around it is: what happens there between units. If the
output of a module differs that has units inside, so is what its body does after the last of them. The same backward,
from cotangents; then gradients by parameters, then state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crosscheck.models.model import Arrays, Run
from crosscheck.pairing.links import Pairing
from crosscheck.twins.forced import Match, added, alike, back
from crosscheck.twins.gaps import Noise, gradient_gaps, state_gaps
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

    @property
    def key(self) -> str:
        return self.match.unit.first

    @property
    def uneven(self) -> bool:
        """Whether it takes or gives something of another size, so that it could not be forced."""
        return bool(self.match.uneven_inputs or self.match.uneven_outputs)

    def worst(self, side: str) -> Gap | None:
        bad = [g for g in getattr(self, side).values() if not g.agrees]
        return max(bad, key=lambda g: g.units, default=None)


def locate(
    found: Sequence[Match],
    run: Run,
    moved: Sequence[Run],
    forced: Run,
    pairing: Pairing,
    modules: Mapping[str, str],
    dtype: str,
) -> list[Divergence]:
    """Every culprit: forward ones in forward order, then backward ones in backward order, then state."""
    seen = [look(match, moved, forced, dtype) for match in found]
    parents = {call.key: call.parent for call in run.calls}
    passes = forward_culprits(seen, parents) + backward_culprits(seen, parents)
    return passes + leaf_culprits(seen, run, moved, forced, pairing, modules, dtype)


def look(match: Match, moved: Sequence[Run], forced: Run, dtype: str) -> Seen:
    """Compare one unit's tensors."""
    there = next(call for call in forced.calls if call.key == match.unit.second)
    again = [next((c for c in run.calls if c.key == match.unit.first), match.first) for run in moved]
    sides: dict[str, dict[str, Gap]] = {}
    for side, names in (("inputs", match.inputs), ("outputs", match.outputs)):
        for kind, what in ((side, side), (cotangent_of(side), cotangent_of(side))):
            base: Arrays = {n: x for n, x in getattr(match.first, what).items() if x.dtype.kind in "fiub"}
            nearby = [getattr(call, what) for call in again]
            came = getattr(there, what)
            repeated = {"input_cotangents": match.again, "cotangents": match.given_again}.get(what, {})
            other = back(added(came, repeated), names)
            if what == "cotangents":
                base, other, *nearby = (merged(each, match.first.outputs) for each in (base, other, *nearby))
            floor = noises(base, nearby, dtype)
            label = kind.rstrip("s").replace("_", " ")
            path = match.unit.first
            sides[kind] = {n: gap(label, path, base[n], other[n], floor[n]) for n in base if n in other}
    for side, names in (("inputs", match.uneven_inputs), ("outputs", match.uneven_outputs)):
        for name, y in back(getattr(there, side), names).items():
            sides[side][name] = gap(side.rstrip("s"), match.unit.first, getattr(match.first, side)[name], y, 0.0)
    return Seen(match, **sides)


def merged(cotangents: Arrays, outputs: Arrays) -> Arrays:
    """Of outputs that are one and the same the cotangents added up: which of them a model goes on with is its own
    affair."""
    found: Arrays = {}
    for name, cotangent in cotangents.items():
        twin = next((other for other in found if alike(outputs.get(other), outputs.get(name))), name)
        found[twin] = found[twin] + cotangent if twin in found else cotangent
    return found


def cotangent_of(side: str) -> str:
    return {"inputs": "input_cotangents", "outputs": "cotangents"}[side]


def path_of(key: str) -> str:
    return key.partition("#")[0]


def passage(seen: Sequence[Seen], parents: Mapping[str, str | None]) -> list[tuple[Seen, bool]]:
    """Every unit twice, as the forward pass enters (True) and leaves it; `seen` is in the order in which it leaves."""
    by_key, entered = {s.key: s for s in seen}, set()
    found = []
    for s in seen:
        for key in (*reversed(around(s.key, parents)), s.key):
            if key in by_key and key not in entered:
                entered.add(key)
                found.append((by_key[key], True))
        found.append((s, False))
    return found


def forward_culprits(seen: Sequence[Seen], parents: Mapping[str, str | None]) -> list[Divergence]:
    """Units with a wrong output, and stretches of wiring that brought something wrong, in forward order. Behind what is
    of another size, and so could not be forced, wiring is not judged, nor units that are given such a thing."""
    by_key = {s.key: s for s in seen}
    found: list[Divergence] = []
    last, torn = "", False
    for s, entering in passage(seen, parents):
        if entering and s.key and not torn and (came := s.worst("inputs")) and not begins_elsewhere(s):
            body = body_of(s.key, parents, by_key)
            found.append(wiring_at("forward", body, by_key, came, before=s.key, after=last))
            torn = bool(s.match.uneven_inputs)
        if not entering and (wrong := s.worst("outputs")):
            if not s.match.unit.inner and not torn:
                found.append(wiring_at("forward", s.key, by_key, wrong, after=last_inside(s.key, seen, parents)))
                torn = bool(s.match.uneven_outputs)
            elif s.match.unit.inner and not s.match.uneven_inputs and not ends_elsewhere(s, seen):
                found.append(unit_at("forward", s, wrong))
                torn |= bool(s.match.uneven_outputs)
        last = last if entering else s.key
    return found


def begins_elsewhere(s: Seen) -> bool:
    """Whether a unit takes something of another size and gives what it should: one that pads by itself, say."""
    return bool(s.match.uneven_inputs) and s.worst("outputs") is None


def ends_elsewhere(s: Seen, seen: Sequence[Seen]) -> bool:
    """Whether a unit gives something of another size and what follows is given what it should be."""
    later = (t for t in seen[seen.index(s) + 1 :] if not is_beside(t, s))
    following = next((t for t in later if t.match.unit.inner or not t.key), None)
    reached = following is not None and following.worst("inputs" if following.key else "outputs") is None
    return bool(s.match.uneven_outputs) and reached


def is_beside(s: Seen, other: Seen) -> bool:
    """Whether two units are given the same: the branches of a module."""
    mine, theirs = (list(seen.match.first.inputs.values()) for seen in (s, other))
    return bool(mine) and len(mine) == len(theirs) and all(map(alike, mine, theirs))


def backward_culprits(seen: Sequence[Seen], parents: Mapping[str, str | None]) -> list[Divergence]:
    """Units that hand back something wrong, and wiring that does, in backward order; wiring only if all was forced."""
    by_key = {s.key: s for s in seen}
    found: list[Divergence] = []
    following, torn = "", any(s.uneven for s in seen)
    for s, entering in reversed(passage(seen, parents)):
        if not entering and s.key and not torn and (wrong := s.worst("cotangents")):
            body = body_of(s.key, parents, by_key)
            found.append(wiring_at("backward", body, by_key, wrong, before=following, after=s.key))
        if entering and not (s.uneven if s.match.unit.inner else torn) and (wrong := s.worst("input_cotangents")):
            inner = s.match.unit.inner
            found.append(unit_at("backward", s, wrong) if inner else wiring_at("backward", s.key, by_key, wrong))
        following = s.key if entering else following
    return found


def unit_at(direction: str, seen: Seen, wrong: Gap) -> Divergence:
    unit = seen.match.unit
    return Divergence(direction, path_of(unit.first), path_of(unit.second), wrong, match=seen.match)


def wiring_at(
    direction: str, body: str, seen: Mapping[str, Seen], wrong: Gap, before: str = "", after: str = ""
) -> Divergence:
    match = seen[body].match if body in seen else None
    second = path_of(match.unit.second) if match else ""
    return Divergence(direction, path_of(body), second, wrong, True, before, after, match)


def body_of(key: str, parents: Mapping[str, str | None], seen: Mapping[str, Seen]) -> str:
    """The innermost module around a call that the other model has too."""
    return next((at for at in around(key, parents) if at in seen), "")


def around(key: str, parents: Mapping[str, str | None]) -> list[str]:
    """The calls in which a call was made, innermost first."""
    found, at = [], parents.get(key)
    while at is not None:
        found.append(at)
        at = parents.get(at)
    return found


def last_inside(key: str, seen: Sequence[Seen], parents: Mapping[str, str | None]) -> str:
    within = [s.key for s in seen if key in around(s.key, parents)]
    return within[-1] if within else ""


def other_borders(seen: Sequence[Seen], parents: Mapping[str, str | None]) -> set[str]:
    """Of a run in which only innermost units were forced: modules around them that end or begin elsewhere than their
    counterparts, which is no fault. What they give or take differs, and yet the right thing reaches the next unit."""
    found = set()
    for place, s in enumerate(seen):
        if s.match.unit.inner or not s.key:
            continue
        following = next((t for t in seen[place + 1 :] if t.match.unit.inner or not t.key), None)
        inside = next((t for t in seen if t.match.unit.inner and s.key in around(t.key, parents)), None)
        late = s.worst("outputs") and following and not following.worst("inputs" if following.key else "outputs")
        begins = any(not s.inputs[name].agrees and not arrives_wrong(s, name, seen, parents) for name in passed_on(s))
        early = begins and inside and not inside.worst("inputs")
        if late or early:
            found.add(s.key)
    return found


def arrives_wrong(s: Seen, name: str, seen: Sequence[Seen], parents: Mapping[str, str | None]) -> bool:
    """Whether a unit in a module that should be given just what the module takes is given something else, too."""
    x = s.match.first.inputs[name]
    inner = (t for t in seen if t.match.unit.inner and s.key in around(t.key, parents))
    return any(not g.agrees and alike(t.match.first.inputs[n], x) for t in inner for n, g in t.inputs.items())


def passed_on(s: Seen) -> list[str]:
    """What a module takes that the first unit in it may be given: numbers, not marks."""
    return [name for name in s.inputs if s.match.first.inputs[name].dtype.kind != "b"]


def leaf_culprits(
    seen: Sequence[Seen],
    run: Run,
    moved: Sequence[Run],
    forced: Run,
    pairing: Pairing,
    modules: Mapping[str, str],
    dtype: str,
) -> list[Divergence]:
    """Parameters whose gradient, and buffers whose value afterwards, is wrong, by the unit that owns them."""
    noise, found = Noise(run, moved), []
    for gap_ in [*gradient_gaps(run, forced, noise, pairing, dtype), *state_gaps(run, forced, noise, pairing, dtype)]:
        if gap_.agrees:
            continue
        module = modules[gap_.path]
        unit = next((s for s in seen if path_of(s.key) == module), None)
        if unit.uneven if unit else any(s.uneven for s in seen):
            continue  # it could not be forced
        match = unit.match if unit else None
        first, second = (path_of(match.unit.first), path_of(match.unit.second)) if match else (module, "")
        direction = "state" if gap_.kind == "state" else "backward"
        found.append(Divergence(direction, first, second, gap_, match=match))
    return found
