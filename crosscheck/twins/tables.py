"""Buffers of numbers that somebody computed: positions, frequencies, masks. They are part of what a model computes, so
they keep their numbers where parameters are drawn afresh."""

from __future__ import annotations

from collections.abc import Iterator

from crosscheck.axes import Array
from crosscheck.models.model import Leaf, Model
from crosscheck.pairing.links import Pairing
from crosscheck.pairing.names import role
from crosscheck.twins.layouts import distance

SAME = 1e-6


def is_table(leaf: Leaf, given: Array) -> bool:
    """Whether a leaf is one: not trained, no statistics of a norm, and not one number all over."""
    constant = not given.size or bool((given == given.flat[0]).all())
    return not leaf.trainable and not constant and role(leaf) not in ("mean", "var")


def unlike(first: Model, second: Model, pairing: Pairing) -> Iterator[str]:
    """Of tables that correspond and hold other numbers as the models were made, that the first's are used in both."""
    mine, theirs = first.values(), second.values()
    for link in pairing.links:
        leaves = first.leaf(link.first.path), second.leaf(link.second.path)
        a, b = mine[link.first.path], theirs[link.second.path]
        if a.dtype.kind in "fiub" and is_table(leaves[0], a) and not leaves[1].trainable:
            made, there = link.there(link.first.of(a)), link.second.of(b)
            if made.shape == there.shape and not distance(made, there) <= SAME:
                yield (
                    f"{link.first.path} and {link.second.path} hold other numbers as the models were made (relative "
                    f"difference {distance(made, there):.2g}); the first's are used in both"
                )
