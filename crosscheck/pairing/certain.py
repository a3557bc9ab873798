"""What names and shapes alone cannot tell: pairs whose leaves could as well be paired with others."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from crosscheck.models.model import Leaf, Model
from crosscheck.pairing.assign import against, compatible
from crosscheck.pairing.fits import fits
from crosscheck.pairing.links import Link, Pairing
from crosscheck.pairing.pair import counts

CLEAR = 0.3
"""A pair is sure if every other one for either leaf is this much less likely by name, class and shape."""
SURE = ("given", "axes", "shape", "gates", "flattened images", "evidence")


def doubts(first: Model, second: Model, pairing: Pairing) -> list[str]:
    """In words, whatever only running the models can settle. A pair for which nothing else would do settles the other
    leaves of its two owners."""
    rivals = [rival(first, second, link) if link.why in SURE else "" for link in pairing.links]
    settled = {owners(link) for link, other in zip(pairing.links, rivals) if link.why in SURE and not other}
    found = []
    for link, other in zip(pairing.links, rivals):
        if link.why not in SURE:
            found.append(f"{link.first} may be laid out in several ways as {link.second}")
        elif other and owners(link) not in settled:
            found.append(f"{link.first} may be {link.second} or {other}")
    return found


def owners(link: Link) -> tuple[str, str]:
    return link.first.path.rpartition(".")[0], link.second.path.rpartition(".")[0]


def rival(first: Model, second: Model, link: Link) -> str:
    """Another leaf of the second model that is about as likely as the one that was taken, "" if there is none."""
    if link.why == "given" or link.first.slots > 1 or link.second.slots > 1:
        return ""
    one, two = first.leaf(link.first.path), second.leaf(link.second.path)
    taken = against(one, two)
    return next((b.path for b in alike(one, two, second.leaves) if against(one, b) < taken + CLEAR), "")


def alike(one: Leaf, taken: Leaf, others: Sequence[Leaf]) -> list[Leaf]:
    """Leaves other than the one taken that would do for a leaf."""
    return [
        leaf
        for leaf in others
        if leaf.path != taken.path
        and counts(leaf)
        and prod(leaf.shape) == prod(one.shape)
        and compatible(one, leaf)
        and fits(one, leaf)
    ]
