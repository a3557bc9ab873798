"""The modules of both models side by side, in the order in which the first's complete."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from crosscheck.models.model import Call, Look, Model, module_of
from crosscheck.pairing.links import Pairing
from crosscheck.twins.units import units

Row = tuple[Call | None, Call | None]


@dataclass(frozen=True)
class Layer:
    """A module of both models, or of one: path and class, "" where a side has no counterpart. judged: both own the same
    parameters, so that they were compared; inner: no other module is inside."""

    first: str
    second: str
    first_kind: str = ""
    second_kind: str = ""
    judged: bool = False
    inner: bool = True


def layers(first: Model, second: Model, look: Look, other: Look, pairing: Pairing) -> list[Layer]:
    """Told by what either side's modules own; of modules without parameters those are beside each other that have the
    same class and are called between the same two."""
    mine, theirs = calls(first, look), calls(second, other)
    pairs = {unit.first: unit.second for unit in units(first, second, mine, theirs, pairing) if unit.first}
    by_key = {call.key: call for call in theirs}
    ahead = alone_ahead(theirs, list(pairs.values()))
    rows: list[Row] = []
    waiting: list[Call] = []
    for call in mine:
        if call.key not in pairs:
            waiting.append(call)
            continue
        rows += [*side_by_side(waiting, ahead.get(pairs[call.key], [])), (call, by_key[pairs[call.key]])]
        waiting = []
    rows += side_by_side(waiting, ahead.get("", []))
    outer = {call.parent or "" for call in (*mine, *theirs)}
    return list(dict.fromkeys(layer(*row, outer, row[0] is not None and row[0].key in pairs) for row in rows))


def layer(mine: Call | None, theirs: Call | None, outer: Set[str], judged: bool) -> Layer:
    first, second = mine or NOBODY, theirs or NOBODY
    inner = not outer & {call.path for call in (first, second) if call.path}
    return Layer(first.path, second.path, first.kind, second.kind, judged, inner)


NOBODY = Call("", "", None)


def calls(model: Model, look: Look) -> list[Call]:
    """The calls of a first look but the whole's; each was made in the module around it."""
    kinds = model.kinds()
    found = [Call(key, "", None) for key in look.calls if key]
    for call in found:
        module = module_of(call.path)
        call.kind, call.parent = kinds.get(module, "") + call.path.removeprefix(module), module.rpartition(".")[0]
    return found


def alone_ahead(theirs: Sequence[Call], paired: Sequence[str]) -> dict[str, list[Call]]:
    """The second's calls without a counterpart, by the next call that has one ("": none follows)."""
    found: dict[str, list[Call]] = {}
    waiting: list[Call] = []
    for call in theirs:
        if call.key in paired:
            found[call.key], waiting = waiting, []
        else:
            waiting.append(call)
    return found | {"": waiting}


def side_by_side(mine: Sequence[Call], theirs: Sequence[Call]) -> list[Row]:
    """Rows for calls of one stretch, none of which owns what the other side has too."""
    rest, rows = list(theirs), []
    for call in mine:
        twin = next((other for other in rest if other.kind == call.kind), None)
        if twin is not None:
            rest.remove(twin)
        rows.append((call, twin))
    return [*rows, *((None, call) for call in rest)]
