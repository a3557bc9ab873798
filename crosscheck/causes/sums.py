"""Reads a value as a sum of earlier values: y = g(sum of c f(s)), with as few terms as make it to rounding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.functions import EXPONENTIALS, MAIN, NONE, RELU
from crosscheck.causes.site import GIVEN, Site, along
from crosscheck.causes.sources import at_every_place, distinct, flat, picked, spread

MOST_TERMS, MOST_ADDED, NEAREST, MOST_SHIFTED, NEAR = 4, 6, 12, 2, 3
BIAS, TABLE = ("bias", ""), ("weight embedding", "Embed")
"""Leaves of layers that gave a value, and the layers' classes."""
PARAMETER, LATER = "parameter", "table from a later row on"
"""Kinds of columns that no module gave."""
EXACT = 1e-10
INNER = MAIN | EXPONENTIALS
RISKY = 3
"""Elements for each term that a fit needs, at least, to be no accident."""


@dataclass(frozen=True, eq=False)
class Column:
    """Something that may be added: an array that broadcasts to the value, in words; own: a parameter of the module
    around, or anything else that is the same for all examples; kind: of what made it; scaled: by which parameter of the
    module around; reduced: how, and over which axes."""

    array: Array
    words: str
    own: bool = False
    kind: str = ""
    scaled: str = ""
    reduced: tuple[str, str] = ("", "")


@dataclass(frozen=True, eq=False)
class Term:
    column: Column
    function: str
    factor: float

    @property
    def key(self) -> tuple[str, str]:
        return self.column.words, self.function

    def __str__(self) -> str:
        inner = self.column.words if self.function == NONE else f"{self.function} of {self.column.words}"
        return inner if self.factor == 1 else f"{self.factor:.6g} times {inner}"


@dataclass(frozen=True, eq=False)
class Reading:
    """outer is applied to the sum of the terms."""

    outer: str
    terms: tuple[Term, ...]

    def __str__(self) -> str:
        total = " + ".join(map(str, self.terms)).replace(" + -1 times ", " - ")
        if self.outer == NONE:
            return total
        return f"{self.outer} of ({total})" if len(self.terms) > 1 else f"{self.outer} of {total}"

    def make(self, shape: tuple[int, ...]) -> Array:
        total = sum(term.factor * INNER[term.function](term.column.array) for term in self.terms)
        return np.broadcast_to(MAIN[self.outer](np.asarray(total)), shape)


def columns(site: Site) -> list[Column]:
    """What may be added to make the value, the nearest first; what modules without parameters gave comes last, since in
    evaluation mode some of them give what they take."""
    shape = site.first.shape
    named = dict(zip(map(id, (*site.inputs, *site.given)), site.called))
    near = distinct([*reversed(site.inputs)])[:NEAREST]
    every = [
        [*column(x, shape, *named.get(id(x), (f"value {place}", "")))]
        for place, x in enumerate(distinct([*near, *reversed(site.given)]))
    ]
    given = [fitting for fitting in every[len(near) :] if fitting][: NEAREST + MOST_ADDED - len(near)]
    found = [c for fitting in (*every[: len(near)], *given) for c in fitting]
    own = {name: x for name, x in site.weights.items() if is_own(name) and x.ndim}
    entering = [c for c in found[NEAR:] if not c.kind][:NEAR]
    whole = [c for c in (*found[:NEAR], *entering) if c.array.shape == shape]
    found += [scaled_by(c, name, x, axis) for c in whole for name, x in own.items() for axis in axes_of(x, shape)]
    return [*found, *parameters(site, own), Column(np.ones(()), "1", kind="constant")]


def parameters(site: Site, own: dict[str, Array]) -> Iterator[Column]:
    """The module's own, biases of layers that only one model calls, and tables from a later row on."""
    shape = site.first.shape
    biases, tables = ({n: x for n, x in site.weights.items() if is_leaf_of(n, k, site.called)} for k in (BIAS, TABLE))
    for name, x in (own | biases).items():
        yield from column(x, shape, f"`{name}`", PARAMETER)
    for name, x in (own | tables).items():
        for start in shifts(x, shape):
            yield from column(x[..., start:, :], shape, f"`{name}` from row {start} on", LATER)


def is_own(name: str) -> bool:
    """Whether a parameter is the module's itself, or one of a list of its own: "gamma", "gammas.0"."""
    return all(part.isdigit() for part in name.split(".")[1:])


def is_leaf_of(name: str, kinds: tuple[str, str], called: Iterable[tuple[str, str]]) -> bool:
    """Whether it is such a leaf of a layer of such a class that only one model calls."""
    layer, _, leaf = name.rpartition(".")
    alone = [words.strip("`") for words, kind in called if kind.startswith(GIVEN) and kinds[1] in kind]
    return leaf in kinds[0].split() and bool(layer) and any(f".{words}".endswith(f".{layer}") for words in alone)


def shifts(x: Array, shape: tuple[int, ...]) -> range:
    """The rows with which a table may begin that has more positions than there are."""
    is_table = x.ndim > 1 and len(shape) > 2 and x.shape[-1] == shape[-1]
    return range(1, min(MOST_SHIFTED, x.shape[-2] - shape[-2]) + 1) if is_table else range(0)


def axes_of(x: Array, shape: tuple[int, ...]) -> list[int]:
    """Along which axes a vector may lie."""
    return [i for i, n in enumerate(shape) if i and x.shape == (n,)]


def scaled_by(c: Column, name: str, x: Array, axis: int) -> Column:
    return Column(along(x, c.array, axis) * c.array, f"`{name}` times {c.words}", c.own, c.kind, name)


def column(x: Array, shape: tuple[int, ...], words: str, kind: str) -> Iterator[Column]:
    """x as it broadcasts; a table of more positions than there are is cut."""
    if x.dtype.kind != "f":
        return
    if kind not in (PARAMETER, LATER):
        yield from (Column(y, words, False, kind) for y in at_every_place(x, shape))
    if len(shape) == 3 and x.shape == (shape[0], shape[2]) != shape[1:] and kind in (PARAMETER, LATER):
        x = x[:, None]  # a table of positions, where time comes first
    if 1 < x.ndim <= len(shape) and x.shape != shape and kind in (PARAMETER, LATER):
        x = x[tuple(slice(n) if m > n > 1 else slice(None) for m, n in zip(x.shape, shape[len(shape) - x.ndim :]))]
    if x.shape != shape and x.size == np.prod(shape):
        ways = (*turned(x), *flat(x, shape), *(y for z in (x, *turned(x)) for y in spread(z, shape)))
        x = next((y for y in ways if y.shape == shape), x)
    if broadcasts(x.shape, shape):
        own = kind in (PARAMETER, LATER) or x.ndim < len(shape) or (x.shape[0] == 1 < shape[0])
        yield Column(x, words, own, kind)


def turned(x: Array) -> Iterator[Array]:
    """With the channels, or time, at the other end, or time ahead of the examples."""
    if x.ndim > 2:
        yield np.moveaxis(x, -1, 1)
        yield np.moveaxis(x, 1, -1)
        yield np.swapaxes(x, 0, 1)


def broadcasts(small: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    pairs = zip(small[::-1], shape[::-1])
    return len(small) <= len(shape) and all(m in (1, n) for m, n in pairs)


def readings(y: Array, found: Sequence[Column], exact: float = EXACT) -> list[Reading]:
    """All readings with the fewest terms; plain sums first, then a function of a sum, then sums with a function in."""
    at = picked(y.shape)
    side, parts = y[at], [np.broadcast_to(c.array, y.shape)[at] for c in found]
    if not np.isfinite(side).all() or np.ptp(side) == 0:
        return []
    sound = [i for i, x in enumerate(parts) if np.isfinite(x).all()]
    plain, parts = [Term(found[i], NONE, 1.0) for i in sound], [parts[i] for i in sound]
    return sums(side, plain, parts, exact) or outside(side, plain, parts, exact) or inside(side, plain, parts, exact)


def sums(side: Array, terms: Sequence[Term], parts: Sequence[Array], exact: float) -> list[Reading]:
    """Sums with any factors."""
    for count in range(1, MOST_TERMS + 1):
        found = [
            Reading(NONE, tuple(scaled(terms[i], c) for i, c in zip(chosen, factors)))
            for chosen in combinations(range(len(terms)), count)
            if (factors := fitted(side, [parts[i] for i in chosen], exact)) is not None
        ]
        if found:
            return found
    return []


def scaled(term: Term, factor: float) -> Term:
    return Term(term.column, term.function, factor)


def fitted(side: Array, parts: Sequence[Array], exact: float = EXACT) -> list[float] | None:
    """The factors under which the parts add up to the side; None if there are none. Whole numbers are exact."""
    if side.size < RISKY * len(parts) + 1:
        return None
    a = np.stack(parts, axis=1)
    if not np.isfinite(a).all():
        return None
    factors = np.linalg.lstsq(a, side, rcond=None)[0]
    if np.linalg.norm(a @ factors - side) > exact * np.linalg.norm(side) or np.abs(factors).min() < 1e-6:
        return None
    return [float(round(c)) if abs(c - round(c)) < 10 * exact else float(c) for c in factors]


def outside(side: Array, terms: Sequence[Term], parts: Sequence[Array], exact: float) -> list[Reading]:
    """A function of one, or of a sum of a few of the nearest; what is above zero tells the factors inside a relu."""
    near = len(terms[:MOST_ADDED])
    above = side > 0
    for count, most in ((1, len(terms)), (2, near), (3, near)):
        found = []
        for chosen in combinations(range(most), count):
            for name, function in MAIN.items():
                if name != NONE and close(function(sum_of([parts[i] for i in chosen])), side, exact):
                    found.append(Reading(name, tuple(terms[i] for i in chosen)))
            factors = None if above.all() else fitted(side[above], [parts[i][above] for i in chosen], exact)
            if factors and any(c != 1 for c in factors):
                total = sum_of([c * parts[i] for i, c in zip(chosen, factors)])
                if close(MAIN[RELU](total), side, exact):
                    found.append(Reading(RELU, tuple(scaled(terms[i], c) for i, c in zip(chosen, factors))))
        if found:
            return found
    return []


def inside(side: Array, terms: Sequence[Term], parts: Sequence[Array], exact: float) -> list[Reading]:
    """Sums of two, in which one of the nearest enters by a function."""
    for i in range(min(len(terms), MOST_ADDED)):
        for name, function in INNER.items():
            if name == NONE:
                continue
            curved = Term(terms[i].column, name, 1.0)
            for j in range(len(terms)):
                if (factors := fitted(side, [function(parts[i]), parts[j]], exact)) is not None:
                    return [Reading(NONE, (scaled(curved, factors[0]), scaled(terms[j], factors[1])))]
    return []


def sum_of(parts: Sequence[Array]) -> Array:
    return np.asarray(np.sum(parts, axis=0))


def close(made: Array, side: Array, exact: float) -> bool:
    return bool(np.linalg.norm(made - side) <= exact * np.linalg.norm(side))
