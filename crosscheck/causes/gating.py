"""Gates: one value times a function of another.

Y = o(g(A) f(B))          B broadcasts to A, with the channels of one [m c] in their place: squeeze and excitation
Y = o(f(A) g(B))          the two exchanged
Y = o(g(A) (1 + f(B)))    residual attention
Y = o(g(A))               the gate left out
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.functions import HARD, MAIN, NONE, Function
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, at_every_place, floats, near, picked
from crosscheck.causes.variant import ANY, BETWEEN, Variant, family

cause(
    "gate-missing",
    "wiring",
    "one side multiplies by a gate (squeeze and excitation, an attention map) by which the other does not",
    "x * torch.sigmoid(gate)",
    "x * jax.nn.sigmoid(gate)",
    "multiply by it, as JAX does, or leave it out",
    "multiply by it, as torch does, or leave it out",
    "https://arxiv.org/abs/1709.01507",
)
cause(
    "gate-plus-one",
    "wiring",
    "one side multiplies by the gate, the other by one more than it, so that a gate of 0 lets pass",
    "x * (1 + gate)",
    "x * (1 + gate)",
    "x * (1 + gate), or x * gate, as JAX has it",
    "x * (1 + gate), or x * gate, as torch has it",
    "https://arxiv.org/abs/1704.06904",
)
cause(
    "gate-exchanged",
    "wiring",
    "of two values that are multiplied the activation is that of the other one: gate and value are exchanged",
    "SwiGLU: F.silu(gate(x)) * up(x)",
    "SwiGLU: jax.nn.silu(gate(x)) * up(x)",
    "apply it to the value to which JAX applies it, or exchange the two layers' weights",
    "apply it to the value to which torch applies it, or exchange the two layers' weights",
    "https://arxiv.org/abs/2002.05202",
)

FORMS = {"": 0.0, "one more than ": 1.0}
"""What is added to a gate, by how that is said."""
BARE = "by itself"
BETWEEN.update({frozenset((form, BARE)): "gate-missing" for form in FORMS})
BEHIND: dict[str, Function] = {name: function for name, function in MAIN.items() if name != NONE}
"""What may be done to the product."""
MORE = "activation-other"
NEAREST, FEW = 5, 64
"""Sources that are looked at; elements on which what is behind the product is tried first."""


class Way(NamedTuple):
    """A function of one of the sources."""

    source: int
    name: str
    function: Function


class Product(NamedTuple):
    """outer(gated (form + gate)); without a gate, outer(gated)."""

    gated: Way
    gate: Way | None = None
    form: str = BARE
    outer: str = NONE

    def made(self, rows: Sequence[Array]) -> Array:
        """Of the sources, or of some elements of each."""
        value = self.gated.function(rows[self.gated.source])
        if self.gate is not None:
            value = value * (FORMS[self.form] + self.gate.function(rows[self.gate.source]))
        return np.asarray(MAIN[self.outer](value))

    def __str__(self) -> str:
        inner = f"{self.gated.name} of one value"
        if self.gate is not None:
            inner += f" times {self.form}{self.gate.name} of another"
        words = inner if self.outer == NONE else f"{self.outer} of {inner}"
        return words if self.gate is not None else f"{words}, {BARE}"

    def weighs(self, rows: Sequence[Array], side: Array) -> bool:
        """Whether the side is neither factor by itself, which a function that is saturated leaves as it is."""
        return not any(near(rows[way.source], side) for way in (self.gated, self.gate) if way)

    def is_exchanged(self, other: Product) -> bool:
        """Whether the other has this one's functions, each of the other source."""
        if self.gate is None or other.gate is None or (self.form, self.outer) != ("", other.outer) or other.form:
            return False
        (a, f), (b, g) = (way[:2] for way in (self.gated, self.gate))
        return f != g and {(a, g), (b, f)} == {way[:2] for way in (other.gated, other.gate)}

    def exchanged(self, near_by: Sequence[Array], shape: tuple[int, ...], words: Sequence[str]) -> Variant:
        """The one of two that differ in nothing else, with the sources by their names."""
        ways = sorted((way for way in (self.gated, self.gate) if way), key=lambda way: way.name == NONE)
        says = " times ".join(words[i] if name == NONE else f"{name} of {words[i]}" for i, name, _ in ways)
        choice = f"{ways[0].name} of {ways[0].source}"
        return Variant((), says, partial(spread, self.made, near_by, shape), choice, "gate-exchanged")

    def variant(self, near_by: Sequence[Array], shape: tuple[int, ...]) -> Variant:
        gate, source = (ANY, ANY) if self.gate is None else (self.gate.name, f"gate {self.gate.source}")
        more = (
            (self.gated.name, MORE),
            (source, ""),
            (f"gated {self.gated.source}", ""),
            (self.form, "gate-plus-one"),
            (self.outer, MORE),
        )
        return Variant((), str(self), partial(spread, self.made, near_by, shape), gate, MORE, more)


def spread(made: Callable[[Any], Array], known: Any, shape: tuple[int, ...]) -> Array:
    """What is made of what is known, in a shape to which it broadcasts."""
    return np.broadcast_to(made(known), shape)


@family
def gated_by_another(site: Site) -> Iterator[Variant]:
    """A source, or a function of it, times a function of another that broadcasts to it, or times one more than that;
    of a side that is no such product, what is gated on the other side by itself."""
    if not alone(site) or site.first.shape != site.second.shape or site.first.ndim < 2:
        return
    shape, at = site.first.shape, picked(site.first.shape)
    near_by = [y for x in floats(site) for y in laid_out(x, shape)][:NEAREST]
    rows = [np.broadcast_to(x, shape)[at] for x in near_by]
    if not rows:
        return
    mine, theirs = (products(rows, side[at]) for side in (site.first, site.second))
    for product, other in islice(((a, b) for a in mine for b in theirs if a.is_exchanged(b)), 1):
        words = [site.name_of(x) or "another value" for x in near_by]
        yield from (one.exchanged(near_by, shape, words) for one in (product, other))
        return
    yield from (product.variant(near_by, shape) for product in (*mine, *theirs))


def products(rows: Sequence[Array], side: Array) -> list[Product]:
    """Those that make the elements of a side: products as they are first, then something of a product, then without."""
    ways = [Way(i, name, f) for i in range(len(rows)) for name, f in (MAIN | HARD).items()]
    made = np.array([way.function(rows[way.source]) for way in ways])
    for found in (plain(ways, made, side), behind(ways, made, side)):
        exact = [product for product in found if near(product.made(rows), side) and product.weighs(rows, side)]
        if exact:
            return exact
    return [Product(way, outer=outer) for way, outer in bare(ways, made, side)]


def plain(ways: Sequence[Way], made: Array, side: Array) -> Iterator[Product]:
    for form, more in FORMS.items():
        for j, k in np.argwhere(products_near(made + more, made, side)):
            if ways[j].source != ways[k].source and np.ptp(made[j]):
                yield Product(ways[k], ways[j], form)


def behind(ways: Sequence[Way], made: Array, side: Array) -> Iterator[Product]:
    """Products of which some function may make the side, by few of its elements."""
    some, few = made[:, :FEW], side[:FEW]
    for form, more in FORMS.items():
        every = (some + more)[:, None] * some[None]
        for outer, function in BEHIND.items():
            apart = np.abs(function(every) - few).max(axis=2)
            for j, k in np.argwhere(apart <= 1e-6 * np.abs(few).max()):
                if ways[j].source != ways[k].source and np.ptp(some[j]):
                    yield Product(ways[k], ways[j], form, outer)


def bare(ways: Sequence[Way], made: Array, side: Array) -> Iterator[tuple[Way, str]]:
    """What makes the side without a gate, and again as what may be behind one."""
    for way, x in zip(ways, made):
        if near(x, side):
            yield way, NONE
            if way.name in BEHIND:
                yield Way(way.source, NONE, MAIN[NONE]), way.name


def products_near(left: Array, right: Array, side: Array) -> Array:
    """Of which two rows the product may be the side, by ||a b - y||^2 = a^2 . b^2 - 2 a y . b + y^2 for all at once."""
    finite, others = (np.all(np.isfinite(rows), axis=1) for rows in (left, right))
    a, b, y = np.where(finite[:, None], left, 0), np.where(others[:, None], right, 0), np.nan_to_num(side)
    apart = a**2 @ (b**2).T - 2 * (a * y) @ b.T + y @ y
    return np.asarray(finite[:, None] & others & np.isfinite(side).all() & (apart <= 1e-10 * (y @ y)))


def laid_out(x: Array, shape: tuple[int, ...]) -> list[Array]:
    """x as it may broadcast to a shape of as many axes, its own or, of one for each example and channel, that axis."""
    as_it_is = x.ndim == len(shape) and all(m in (1, n) for m, n in zip(x.shape, shape))
    return [x] if as_it_is else at_every_place(x, shape)
