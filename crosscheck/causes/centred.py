"""Sums in which a mean, or another reduction, of one of the terms is subtracted or added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.functions import NONE
from crosscheck.causes.reductions import WAYS
from crosscheck.causes.sources import picked
from crosscheck.causes.sums import MOST_ADDED, Column, Reading, Term, fitted
from crosscheck.causes.variant import BETWEEN

cause(
    "centring-missing",
    "wiring",
    "one side subtracts (or adds) the mean, or another reduction, of a value; the other does not",
    "a - a.mean(1, keepdim=True)",
    "a - a.mean(1, keepdims=True)",
    "subtract it, as JAX does, or leave it out",
    "subtract it, as torch does, or leave it out",
    "https://arxiv.org/abs/1511.06581",
)

NEAREST, KINDS = 3, ("mean", "sum", "maximum", "minimum")


def centred(y: Array, found: Sequence[Column], exact: float) -> list[Reading]:
    """Readings with the fewest terms of which one is the reduction of a column, taken once."""
    at = picked(y.shape)
    if not np.isfinite(y[at]).all():
        return []
    sound = [c for c in found if c.kind != "constant" and np.isfinite(c.array).all()][:MOST_ADDED]
    near, more = (
        [(column, np.broadcast_to(column.array, y.shape)[at]) for column in columns]
        for columns in (sound, reductions(sound, y.shape))
    )
    for count in (1, 2):
        readings = [
            Reading(NONE, tuple(Term(column, NONE, c) for (column, _), c in zip(chosen, factors)))
            for plain in combinations(near, count)
            for chosen in ((*plain, reduced) for reduced in more)
            if (factors := fitted(y[at], [part for _, part in chosen], exact)) and abs(factors[-1]) == 1
        ]
        if readings:
            return readings
    return []


def reductions(near: Sequence[Column], shape: tuple[int, ...]) -> Iterator[Column]:
    """Of the nearest that are of the value's own shape."""
    for column in [column for column in near if column.array.shape == shape][:NEAREST]:
        for axes in axes_of(len(shape)):
            where = "all axes" if len(axes) == len(shape) else f"axes {axes}"
            for kind in KINDS:
                made = np.expand_dims(WAYS[kind](column.array, axes), axes)
                words = f"the {kind} over {where} of {column.words}"
                yield Column(made, words, kind=column.kind, reduced=(kind, where))


def axes_of(rank: int) -> list[tuple[int, ...]]:
    """Each axis, those of images or time, all but the examples', and all."""
    every = [*((i,) for i in range(rank)), tuple(range(2, rank)), tuple(range(1, rank - 1)), tuple(range(1, rank))]
    return [axes for axes in dict.fromkeys([*every, tuple(range(rank))]) if axes]


def reduced_apart(a: Column, b: Column) -> list[str]:
    """The causes by which two reductions differ."""
    (kind, where), (other, there) = a.reduced, b.reduced
    ids = [] if kind == other else [BETWEEN.get(frozenset((kind, other)), "reduction-other")]
    return ids + ["reduction-axes"] * (where != there)
