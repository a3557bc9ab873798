"""Which calls of one model correspond to which of the other: modules that own corresponding parameters.

A unit is a pair of calls of modules (a, b) where the parameters below a are linked to exactly those below b, and to the
whole of each: q alone is no unit with a module in which q, k and v are packed. The innermost units are forced one by
one; those around them tell in whose body a wiring fault lies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from crosscheck.models.model import Call, Model, is_lookup, module_of
from crosscheck.pairing.links import Pairing, Piece
from crosscheck.pairing.pair import TIED, counts
from crosscheck.twins.nested import counterparts


@dataclass(frozen=True)
class Unit:
    """Keys of the corresponding calls; inner: no other unit is inside."""

    first: str
    second: str
    inner: bool = True


def units(first: Model, second: Model, calls: Sequence[Call], others: Sequence[Call], pairing: Pairing) -> list[Unit]:
    """In the order in which the first model's calls completed; the whole ("") last."""
    home = homes(pairing)
    mine = grouped(first, calls, [(link.first.path, home[link.second]) for link in pairing.links])
    theirs = grouped(second, others, [(link.second.path, home[link.second]) for link in pairing.links])
    chains = [(mine[have], theirs[have]) for have in mine if have.pieces and have in theirs]
    matches = counterparts(chains, calls, others) | {"": ""}
    found = paired_calls(calls, others, matches)
    return [Unit(a, b, not any(inside(calls, other, a) for other, _ in found)) for a, b in found]


def homes(pairing: Pairing) -> dict[Piece, Piece]:
    """Each piece of the second model, or that which it is in the first where that ties the two."""
    found = {link.first: link.second for link in reversed(pairing.links) if link.why != TIED}
    return {link.second: found[link.first] if link.why == TIED else link.second for link in pairing.links}


class Have(NamedTuple):
    """What is below a module, as the second model's pieces, and whether it looks up: an embedding and the layer that
    makes logits by its table have the same."""

    pieces: frozenset[Piece]
    looks_up: bool


def grouped(model: Model, calls: Sequence[Call], pieces: Sequence[tuple[str, Piece]]) -> dict[Have, list[str]]:
    """The modules that are called, innermost first, by what they have; `pieces`: of which leaf each is."""
    found: dict[Have, list[str]] = {}
    for path, kind in dict.fromkeys((call.path, call.kind) for call in calls):
        leaves = owned(model, path, kind)
        have = Have(frozenset(piece for leaf, piece in pieces if leaf in leaves), is_lookup(kind))
        found.setdefault(have, []).append(path)
    return {have: nested(paths) for have, paths in found.items()}


def owned(model: Model, path: str, kind: str) -> set[str]:
    """The numeric leaves below a module, and a table that it has too."""
    prefix = f"{module_of(path)}." if path else ""
    also = [leaf for leaf in model.leaves if leaf.is_also_in(path) and not is_lookup(kind)]
    return {leaf.path for leaf in model.leaves if counts(leaf) and (leaf.place.startswith(prefix) or leaf in also)}


def nested(paths: Sequence[str]) -> list[str]:
    """Innermost first, the whole only where nothing is inside it."""
    return sorted((path for path in paths if path), key=lambda path: -len(path.split("."))) or list(paths)


def paired_calls(calls: Sequence[Call], others: Sequence[Call], matches: Mapping[str, str]) -> list[tuple[str, str]]:
    there = {call.key: call for call in others}
    often = Counter(call.path for call in calls), Counter(call.path for call in others)
    found = []
    for call in calls:
        if call.path in matches:
            path = matches[call.path]
            other = there.get(path + call.key.removeprefix(call.path))
            times = {often[0][call.path], often[1][path]}
            if other and not (len(times) > 1 and 1 in times and largest(call) != largest(other)):
                found.append((call.key, other.key))
    return found


def largest(call: Call) -> int:
    """How many numbers a call gives: a layer that reads a text at once more than a cell that is stepped through it."""
    return max((y.size for y in call.outputs.values()), default=0)


def inside(calls: Sequence[Call], key: str, outer: str) -> bool:
    """Whether one call was made, at whatever depth, in another."""
    parents = {call.key: call.parent for call in calls}
    at = parents.get(key)
    while at is not None:
        if at == outer:
            return True
        at = parents.get(at)
    return False
