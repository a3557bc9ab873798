"""Pairs the leaves of two models: what the user gave, recurrent layers, packs, then one assignment of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from einops import EinopsError

from crosscheck.models.model import Leaf, Model
from crosscheck.models.torch_axes import RECURRENT
from crosscheck.pairing import packed, recurrent
from crosscheck.pairing.assign import assign, compatible
from crosscheck.pairing.fits import fits
from crosscheck.pairing.links import Link, Pairing, Piece, given_links, require_known

Used = Mapping[str, int]
TIED = "tied on the first side"
PACKED = ("in_proj_weight", "in_proj_bias")


def pair(first: Model, second: Model, used: Used, used_there: Used, given: Mapping[str, Any] | None = None) -> Pairing:
    """The pairing of all leaves. Raises ValueError where `given` names what is not there or does not fit."""
    links = user_links(first, second, given or {})
    gates, zeros = recurrent_links(first, second, links, used, used_there)
    links += gates

    def rest() -> tuple[list[Leaf], list[Leaf]]:
        return unlinked(first, links, True), unlinked(second, links, False, zeros)

    a, b = rest()
    for pack, group, fit in packed.unpack(without_twin(a, b), b, used, used_there):
        links += packed.pack_links(pack, group, fit, False, "packed")
    a, b = rest()
    for pack, group, fit in packed.unpack(without_twin(b, a), a, used_there, used):
        links += packed.pack_links(pack, group, fit, True, "packed")
    a, b = rest()
    known = {(owner(link.first.path), owner(link.second.path)) for link in links}
    for one, other in assign(a, b, used, used_there, known):
        links.append(link_of(one, other))
    links += copies(first, second, links, zeros)
    return sorted_pairing(first, second, links, zeros)


def owner(path: str) -> str:
    return path.rpartition(".")[0]


def link_of(one: Leaf, other: Leaf, choice: int = 0) -> Link:
    fit = fits(one, other)[choice]
    return Link(
        Piece(one.path), Piece(other.path), fit.pattern, dict(fit.sizes), reversed_axes(one, other), reason(one, other)
    )


def reason(one: Leaf, other: Leaf) -> str:
    return "axes" if fits(one, other)[0].told else "shape" if len(fits(one, other)) == 1 else "likeliest layout"


def reversed_axes(one: Leaf, other: Leaf) -> tuple[int, ...]:
    """Spatial axes that run the other way in the other model's transposed convolution."""
    if "Transpose" in one.kind and "Transpose" in other.kind and one.turned != other.turned and len(one.shape) > 2:
        return tuple(i for i, axis in enumerate(one.axes.split()) if axis in ("kd", "kh", "kw"))
    return ()


def user_links(first: Model, second: Model, given: Mapping[str, Any]) -> list[Link]:
    require_known(list(given), [leaf.path for leaf in first.leaves], "first")
    targets = [value if isinstance(value, str) else value[0] for value in given.values()]
    require_known(targets, [leaf.path for leaf in second.leaves], "second")

    def pattern(path: str, other: str) -> str:
        one, two = first.leaf(path), second.leaf(other)
        if not fits(one, two):
            raise ValueError(f"pairing[{path!r}] is {other!r}, but shape {one.shape} cannot be laid out as {two.shape}")
        return fits(one, two)[0].pattern

    return given_links(given, pattern)


def recurrent_links(
    first: Model, second: Model, links: Sequence[Link], used: Used, used_there: Used
) -> tuple[list[Link], list[str]]:
    """Between torch's layers and flax's cells, whichever side is which; and biases of torch's that are 0, for the cell
    that is the first has one where torch adds two."""
    a, b = unlinked(first, links, True), unlinked(second, links, False)
    if any(leaf.kind in RECURRENT for leaf in a) and second.framework.startswith("flax"):
        return recurrent.links(a, b, second.kinds(), used_there), []
    if any(leaf.kind in RECURRENT for leaf in b) and first.framework.startswith("flax"):
        turned = [packed.turned(link) for link in recurrent.links(b, a, first.kinds(), used)]
        kept = once(turned)
        have = {link.second.path for link in kept}
        return kept, list(dict.fromkeys(link.second.path for link in turned if link.second.path not in have))
    return [], []


def once(links: Sequence[Link]) -> list[Link]:
    """Of one piece that would go to two which are added, only to the first of them."""
    seen: set[Piece] = set()
    kept = [link for link in links if not (link.first in seen or seen.add(link.first))]  # type: ignore[func-returns-value]
    return kept


def unlinked(model: Model, links: Sequence[Link], first: bool, zeros: Sequence[str] = ()) -> list[Leaf]:
    taken = {(link.first if first else link.second).path for link in links} | {*zeros}
    return [leaf for leaf in model.leaves if leaf.path not in taken and counts(leaf)]


def counts(leaf: Leaf) -> bool:
    """Whether a leaf holds numbers of the model, not a counter."""
    return leaf.dtype.startswith(("float", "bfloat", "complex")) and 0 not in leaf.shape


def without_twin(leaves: Sequence[Leaf], others: Sequence[Leaf]) -> list[Leaf]:
    """Leaves that no single leaf of the other model can be: packs, perhaps; and the vectors beside these."""
    packs = [leaf for leaf in leaves if not any(may_be(leaf, other) for other in others)]
    homes = {leaf.owner for leaf in packs if len(leaf.shape) > 1}
    return [leaf for leaf in leaves if leaf in packs or (leaf.owner in homes and len(leaf.shape) == 1)]


def may_be(leaf: Leaf, other: Leaf) -> bool:
    """Whether a leaf may be another, which is no convolution's if torch packs q, k and v in it."""
    if leaf.name in PACKED and "Conv" in other.kind:
        return False
    return compatible(leaf, other) and bool(fits(leaf, other) or fits(other, leaf))


def copies(first: Model, second: Model, links: Sequence[Link], zeros: Sequence[str]) -> list[Link]:
    """A leaf that is tied on one side and has two homes on the other is linked to both."""
    found: list[Link] = []
    linked = {link.second.path for link in links} | {*zeros}
    for other in second.leaves:
        if other.path in linked or not counts(other):
            continue
        for one in first.leaves:
            if one.aliases and fits(one, other) and counts(one):
                found.append(replace(link_of(one, other), why=TIED))
                break
    return found


def sorted_pairing(first: Model, second: Model, links: Sequence[Link], zeros: Sequence[str]) -> Pairing:
    """The links in the first model's order, and what is left over."""
    order = {leaf.path: i for i, leaf in enumerate(first.leaves)}
    links = sorted(links, key=lambda link: (order[link.first.path], link.first.slot))
    alone = tuple(leaf.path for leaf in unlinked(first, links, True))
    alone_there = tuple(leaf.path for leaf in unlinked(second, links, False, zeros))
    return Pairing(tuple(links), alone, alone_there, zeros=tuple(zeros))


def require_fit(pairing: Pairing, first: Model, second: Model) -> None:
    """Raises ValueError where a saved pairing is not one of these two models."""
    for model, pieces, which in (
        (first, [link.first for link in pairing.links], "first"),
        (second, [link.second for link in pairing.links], "second"),
    ):
        require_known([piece.path for piece in pieces], [leaf.path for leaf in model.leaves], which)
    require_known(pairing.zeros, [leaf.path for leaf in second.leaves], "second")
    for link in pairing.links:
        shapes = [first.leaf(link.first.path).shape, second.leaf(link.second.path).shape]
        try:
            there = link.there(link.first.of(np.empty(shapes[0]))).shape
            fitting = there == link.second.of(np.empty(shapes[1])).shape
        except (ValueError, EinopsError):
            fitting = False
        if not fitting:
            raise ValueError(
                f"pairing takes {link.first} {shapes[0]} to {link.second} {shapes[1]} by {link.pattern!r}, "
                "which does not fit; was it made for other models?"
            )
