"""Leaves that hold what several leaves of the other model hold: q, k and v in one tensor, the gates of a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

from crosscheck.models.model import Leaf
from crosscheck.pairing.fits import Fit, shape_fits
from crosscheck.pairing.links import Link, Piece
from crosscheck.pairing.names import role, unlikeness, words

ORDERS = (("query", "key", "value"), ("i", "f", "g", "out"), ("r", "z", "n"), ("gate", "up"))
"""Orders in which parts are packed, by a word of their names."""


def unpack(
    packs: Sequence[Leaf], parts: Sequence[Leaf], used: Mapping[str, int], used_there: Mapping[str, int]
) -> list[tuple[Leaf, list[Leaf], Fit]]:
    """For every leaf that several siblings of the other model make up: those, in the order in which they are packed."""
    free, found = list(parts), []
    homes: dict[str, list[str]] = {}
    large = {leaf.owner for leaf in packs if len(leaf.shape) > 1}
    for pack in sorted(packs, key=lambda leaf: (len(leaf.shape) == 1, used.get(leaf.path, 0))):
        groups = [group for group in siblings(free, used_there) if part_fit(pack, group)]
        at_home = [group for group in groups if owners(group) == homes.get(pack.owner)]
        beside = len(pack.shape) == 1 and pack.owner in large
        groups = at_home or [group for group in groups if owners(group) not in homes.values() and not beside]
        if groups:
            best = min(groups, key=lambda group: unlikeness(pack.owner, common(group)) + 0.1 * groups.index(group))
            homes.setdefault(pack.owner, owners(best))
            free = [leaf for leaf in free if leaf not in best]
            found.append((pack, best, part_fit(pack, best)))
    return [(pack, group, fit) for pack, group, fit in found if fit]


def siblings(leaves: Sequence[Leaf], used: Mapping[str, int]) -> list[list[Leaf]]:
    """Groups of two to four leaves of one role and shape whose owners are siblings, in the order of a pack; by use."""
    groups: dict[tuple[str, str, tuple[int, ...], str], list[Leaf]] = {}
    for leaf in leaves:
        family = leaf.owner.rpartition(".")[0]
        groups.setdefault((family, role(leaf), leaf.shape, letter(leaf)), []).append(leaf)
    found = [subgroup for group in groups.values() for subgroup in subgroups(group, used)]
    return sorted(found, key=lambda group: min(used.get(leaf.path, 0) for leaf in group))


def subgroups(group: list[Leaf], used: Mapping[str, int]) -> list[list[Leaf]]:
    """Those whose names are the words of a known order, else all of them by use."""
    found = []
    for order in ORDERS:
        by_word = [[leaf for leaf in group if word in tokens(leaf)] for word in order]
        if all(len(leaves) == 1 for leaves in by_word):
            found.append([leaf for leaves in by_word for leaf in leaves])
    return found or ([sorted(group, key=lambda leaf: used.get(leaf.path, 0))] if 2 <= len(group) <= 4 else [])


def letter(leaf: Leaf) -> str:
    """What tells the input's gates (ii, if, ig, io) from the state's (hi, hf, hg, ho)."""
    name = leaf.owner.rpartition(".")[2]
    return name[0] if len(name) <= 3 and name[:1] in ("i", "h") else ""


def tokens(leaf: Leaf) -> set[str]:
    """The words of the owner's name; of a gate's name such as "hf" its last letter."""
    last = leaf.owner.rpartition(".")[2].rstrip("_")
    gate = {"o": "out"}.get(last[-1:], last[-1:]) if len(last) == 2 and last[0] in "ih" else ""
    return {*words(last), gate}


def owners(group: Sequence[Leaf]) -> list[str]:
    return [leaf.owner for leaf in group]


def common(group: Sequence[Leaf]) -> str:
    return group[0].owner.rpartition(".")[0]


def part_fit(pack: Leaf, group: Sequence[Leaf]) -> Fit | None:
    """How a slot of the pack is laid out as one of the group, if the sizes fit."""
    leaf, count = group[0], len(group)
    if prod(pack.shape) != count * prod(leaf.shape) or pack.trainable != leaf.trainable:
        return None
    if role(pack) and role(leaf) and role(pack) != role(leaf):
        return None
    axis = pack_axis(pack)
    if axis >= len(pack.shape) or pack.shape[axis] % count:
        return None
    slot = tuple(size // count if i == axis else size for i, size in enumerate(pack.shape))
    found = shape_fits(slot, leaf.shape, pack.axes, leaf.axes)
    return next(iter(found), None)


def pack_axis(pack: Leaf) -> int:
    """Parts are stacked along the axis of outputs."""
    return pack.axes.split().index("cout") if "cout" in pack.axes.split() else 0


def pack_links(pack: Leaf, group: Sequence[Leaf], fit: Fit, reverse: bool, why: str) -> list[Link]:
    """Links from the pack's slots to the group; `reverse`: the pack is the second model's."""
    axis, links = pack_axis(pack), []
    for slot, leaf in enumerate(group):
        piece, part = Piece(pack.path, slot, len(group), axis), Piece(leaf.path)
        link = Link(piece, part, fit.pattern, dict(fit.sizes), why=why)
        links.append(link if not reverse else turned(link))
    return links


def turned(link: Link) -> Link:
    left, right = (side.strip() for side in link.pattern.split("->"))
    return replace(link, first=link.second, second=link.first, pattern=f"{right} -> {left}")
