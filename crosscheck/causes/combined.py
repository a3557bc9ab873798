"""Two values that are combined by another operation: o(a + b), o(a b), o(max(a, b)), o(min(a, b))."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.functions import MAIN, NONE
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, near, picked
from crosscheck.causes.sums import Column, columns
from crosscheck.causes.variant import Variant, later

cause(
    "combined-otherwise",
    "wiring",
    "one side adds two values, the other multiplies them, or takes the larger or the smaller one",
    "a + b",
    "a + b",
    "combine them as JAX does: a + b, a * b, torch.maximum(a, b)",
    "combine them as torch does: a + b, a * b, jnp.maximum(a, b)",
    "https://arxiv.org/abs/1709.07871",
)

WAYS = {"{} + {}": np.add, "{} times {}": np.multiply, "max({}, {})": np.maximum, "min({}, {})": np.minimum}
NEAREST = 8
"""Values that are looked at."""


@later
def combined(site: Site) -> Iterator[Variant]:
    """Both sides made of the same two values, neither of them by itself, under the same function."""
    if not alone(site) or site.first.dtype.kind != "f" or site.first.shape != site.second.shape:
        return
    if site.first.ndim < 2:
        return
    at = picked(site.first.shape)
    sides = site.first[at], site.second[at]
    values = [c for c in columns(site) if c.kind != "constant"][:NEAREST]
    rows = [np.broadcast_to(c.array, site.first.shape)[at] for c in values]
    for i, j in combinations(range(len(values)), 2):
        every = {words: way(rows[i], rows[j]) for words, way in WAYS.items()}
        telling = {words: x for words, x in every.items() if not near(x, rows[i]) and not near(x, rows[j])}
        for name, function in MAIN.items():
            made = {words: np.asarray(function(x)) for words, x in telling.items()}
            fits = [[words for words, x in made.items() if near(x, side)] for side in sides]
            if all(fits) and not {*fits[0]} & {*fits[1]}:
                yield from variants_of(site.first.shape, (values[i], values[j]), name, [*fits[0], *fits[1]])


def variants_of(
    shape: tuple[int, ...], pair: tuple[Column, Column], outer: str, ways: Sequence[str]
) -> Iterator[Variant]:
    for words in ways:
        inner = words.format(*(c.words for c in pair))
        says = inner if outer == NONE else f"{outer} of ({inner})"
        yield Variant((), says, partial(made_of, shape, pair, outer, words), says, "combined-otherwise")


def made_of(shape: tuple[int, ...], pair: Sequence[Column], outer: str, words: str) -> Array:
    return np.broadcast_to(MAIN[outer](WAYS[words](*(c.array for c in pair))), shape)
