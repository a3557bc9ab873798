"""Parameters that are one in one model and two in the other: a table of embeddings that makes the logits, too.

What has no counterpart may be one of those that have. It is, if the models give the same then and did not before; or,
whatever else is wrong, if it is a matrix of the size of a table, and as many numbers come out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice

import numpy as np

from crosscheck.models.model import Leaf
from crosscheck.pairing.fits import Fit, shape_fits
from crosscheck.pairing.links import Link, Piece
from crosscheck.pairing.pair import TIED
from crosscheck.pairing.tied_model import TiedModel
from crosscheck.twins.forced import back
from crosscheck.twins.layouts import distance
from crosscheck.twins.twins import Twins

SURE = 1e-6
TRIALS = 12
"""Counterparts and layouts that are tried for a parameter."""


def shared(twins: Twins) -> Twins:
    """The twins with what is shared on one side only: if on the first, it is carried to both places; if on the second,
    the first is run as one that shares it."""
    for path in twins.pairing.second_alone:
        twins = known(twins, twins.second.leaf(path), carried_twice(twins, path))
    for path in twins.pairing.first_alone:
        twins = known(twins, twins.first.leaf(path), held_alike(twins, path))
    return twins


def known(twins: Twins, leaf: Leaf, ways: Iterator[tuple[Leaf, Twins]]) -> Twins:
    """The way that is known to be right, or else the twins as they are."""
    tried = list(islice(ways, TRIALS))
    if not tried or apart(twins) < SURE:  # what nothing depends on is not to be told
        return twins
    right = (way for _, way in tried if apart(way) < SURE)
    tables = (way for home, way in tried if home.is_table and not leaf.is_table and gives(twins, leaf))
    return next(chain(right, tables), twins)


def carried_twice(twins: Twins, path: str) -> Iterator[tuple[Leaf, Twins]]:
    """Ways in which the first model may have a leaf of the second's: with the leaf that it would be."""
    there, pairing = twins.second.leaf(path), twins.pairing
    for home, fit in homes(twins, there):
        link = Link(Piece(home.path), Piece(path), fit.pattern, dict(fit.sizes), why=TIED)
        alone = tuple(other for other in pairing.second_alone if other != path)
        found = replace(pairing, links=(*pairing.links, link), second_alone=alone)
        yield home, replace(twins, pairing=found, begun=None, ends={})


def held_alike(twins: Twins, path: str) -> Iterator[tuple[Leaf, Twins]]:
    """Ways in which a leaf of the first model may be another one in the second."""
    ties, model = {}, twins.first
    if isinstance(model, TiedModel):
        ties, model = dict(model.ties), model.model
    for home, fit in homes(twins, twins.first.leaf(path)):
        tied = TiedModel(model, {**ties, path: (home.path, fit)})
        yield home, replace(twins, first=tied, begun=None, ends={})


def homes(twins: Twins, leaf: Leaf) -> Iterator[tuple[Leaf, Fit]]:
    """Leaves of the first model that have a counterpart and could be this one, tables first."""
    paths = dict.fromkeys(link.first.path for link in twins.pairing.links if link.first.slots == 1)
    found = [twins.first.leaf(path) for path in paths]
    for home in sorted(found, key=lambda leaf: leaf.is_table, reverse=True):
        if home.trainable and leaf.trainable and len(leaf.shape) > 1 and sorted(home.shape) == sorted(leaf.shape):
            yield from ((home, fit) for fit in shape_fits(home.shape, leaf.shape))


def gives(twins: Twins, leaf: Leaf) -> bool:
    """Whether something comes out with an entry for each of a matrix' rows or columns."""
    return any(y.ndim > 1 and y.shape[-1] in leaf.shape for y in twins.expected.first.values())


def apart(twins: Twins) -> float:
    """How far the outputs are from each other."""
    try:
        both = twins.run_both(*twins.asks(twins.random, False))
    except Exception:
        return np.inf  # the ladder will say what is raised
    outputs, others = (run.outputs for run in both.runs)
    theirs = back(others, twins.names(False))
    return max((distance(theirs[name], outputs[name]) for name in theirs), default=np.inf)


def in_words(twins: Twins) -> list[str]:
    """What is shared on one side only."""
    seconds = twins.pairing.seconds
    both = list(dict.fromkeys(link.first.path for link in twins.pairing.links if link.why == TIED))
    found = [f"{home} of the first model is {' and '.join(seconds(home))} in the second" for home in both]
    if isinstance(twins.first, TiedModel):
        found += [
            f"{home} and {path} of the first model are {', '.join(seconds(home))} in the second"
            for path, (home, _) in twins.first.ties.items()
        ]
    return [f"{words}: the two part as soon as they are trained" for words in found]
