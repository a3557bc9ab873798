"""Modulation: a value scaled and shifted by what is made of something else, or added once gated by it.

Y = o(V (1 + P_i) + P_j)    FiLM, adaptive normalization: P the parts of a projection [m (p c)], or values of their own
Y = o(V f(P_i) + W)         a gated branch and the value around it: squeeze and excitation in a residual block
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.functions import HARD, MAIN, NONE
from crosscheck.causes.gating import BARE, FORMS, MORE, laid_out, spread
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alike, alone, floats, near, picked
from crosscheck.causes.variant import ANY, BETWEEN, Variant, family

FILM = "https://arxiv.org/abs/1709.07871"

cause(
    "modulation-parts-order",
    "wiring",
    "scale, shift and gate are other parts of the projection that makes them, or exchanged",
    "shift, scale = p.chunk(2, -1); x * (1 + scale) + shift",
    "scale, shift = jnp.split(p, 2, -1); x * (1 + scale) + shift",
    "take the parts in JAX's order",
    "take the parts in torch's order, or exchange the parts of the projection's kernel",
    "https://arxiv.org/abs/2212.09748",
)
cause(
    "modulation-shift-missing",
    "wiring",
    "one side scales a value and shifts it, the other only scales it",
    "x * (1 + scale) + shift",
    "x * (1 + scale)",
    "leave the shift out, or add it, as JAX does",
    "leave the shift out, or add it, as torch does",
    FILM,
)

cause(
    "modulation-missing",
    "wiring",
    "one side scales and shifts a value by what is made of something else, the other hands it on as it is",
    "x * (1 + scale) + shift",
    "x * (1 + scale) + shift",
    "leave it out, or scale and shift, as JAX does",
    "leave it out, or scale and shift, as torch does",
    FILM,
)

NOTHING, MODULATED = "nothing", "modulated"
BETWEEN[frozenset((NOTHING, MODULATED))] = "modulation-missing"
MOST_PARTS, MOST_SOURCES, FEW, COUNTS = 12, 4, 32, (1, 2, 3, 4, 6)
"""Parts and sources that are looked at; elements on which all is tried first; how many parts a projection has."""
FUNCTIONS = MAIN | HARD


class Modulation(NamedTuple):
    """outer(value (form + function(scale)) + shift): places of a value, of a part (none: the value by itself), and of
    a part or value that is added (none: nothing is)."""

    value: str
    scale: str = ""
    function: str = NONE
    form: str = BARE
    shift: str = NOTHING
    outer: str = NONE
    called: Mapping[str, str] = {}

    def made(self, known: dict[str, Array]) -> Array:
        """Of the known values and parts, or of some elements of each."""
        made = known[self.value]
        if self.scale:
            made = made * (FORMS[self.form] + FUNCTIONS[self.function](known[self.scale]))
        return np.asarray(MAIN[self.outer](made if self.shift == NOTHING else made + known[self.shift]))

    def __str__(self) -> str:
        value, scale, shift = (self.called.get(name, name) for name in (self.value, self.scale, self.shift))
        gate = scale if self.function == NONE else f"{self.function} of {scale}"
        words = f"{value} times {self.form}{gate}" if self.scale else value
        words = words if self.shift == NOTHING else f"{words}, plus {shift}"
        inner = words if words == value else f"({words})"
        return words if self.outer == NONE else f"{self.outer} of {inner}"

    def variant(self, known: dict[str, Array], shape: tuple[int, ...]) -> Variant:
        bare = not self.scale and self.shift == NOTHING
        more = (
            (self.value, ""),
            (self.scale or ANY, "modulation-parts-order"),
            (ANY if bare else self.form, "gate-plus-one"),
            (ANY if bare else self.shift, "modulation-parts-order" if self.shift.startswith(PART) else ""),
            (self.outer, MORE),
            (MODULATED if self.scale else NOTHING if bare else ANY, ""),
        )
        choice = self.function if self.scale else ANY
        return Variant((), str(self), partial(spread, self.made, known, shape), choice, MORE, more)


PART, VALUE = "part ", "value "
BETWEEN.update({frozenset((NOTHING, f"{PART}{i}")): "modulation-shift-missing" for i in range(MOST_PARTS)})


@family
def modulated(site: Site) -> Iterator[Variant]:
    """A source times something of a part, plus another part or source."""
    if not alone(site) or site.first.shape != site.second.shape or site.first.ndim < 2:
        return
    shape, at = site.first.shape, picked(site.first.shape)
    values = {f"{VALUE}{i}": x for i, x in enumerate(alike(site)[:MOST_SOURCES])}
    pieces = parts(site, shape)[:MOST_PARTS]
    scales = {f"{PART}{i}": x for i, (x, _) in enumerate(pieces)}
    if not values or not scales:
        return
    known = values | scales
    called = {name: site.name_of(x) or name for name, x in values.items()}
    called |= {f"{PART}{i}": words for i, (_, words) in enumerate(pieces)}
    rows = {name: np.broadcast_to(x, shape)[at] for name, x in known.items()}
    sides = site.first[at], site.second[at]
    every = [found for side in sides for found in modulations(list(values), list(scales), rows, side)]
    scaled = any(found.scale for found in every)  # else what has one term more is wiring's affair
    for found in (found for found in every if scaled or found.shift != NOTHING):
        yield found._replace(called=called).variant(known, shape)


def parts(site: Site, shape: tuple[int, ...]) -> list[tuple[Array, str]]:
    """Sources that broadcast to a value of this shape, and equal parts of sources along their channels that do, and
    what they are in words."""
    found: list[tuple[Array, str]] = []
    for place, x in enumerate(floats(site)):
        words = site.name_of(x) or f"value {place}"
        for axis in sorted({1, x.ndim - 1}) if x.ndim > 1 else ():
            for count in COUNTS[axis != x.ndim - 1 :]:
                if x.shape[axis] % count == 0 and (count == 1 or x.shape[axis] // count in shape[1:]):
                    for i, piece in enumerate(np.split(x, count, axis), start=1):
                        says = words if count == 1 else f"part {i} of {count} of {words}"
                        found += [(y, says) for y in laid_out(piece, shape)]
    return [(x, says) for x, says in found if x.shape != shape]


def modulations(
    values: Sequence[str], scales: Sequence[str], rows: dict[str, Array], side: Array
) -> Iterator[Modulation]:
    """Those that make a side, by few of its elements and then by all that were picked."""
    few = {name: x[:FEW] for name, x in rows.items()}
    gates = [
        Modulation("", scale, name, form)
        for scale, (name, function), form in product(scales, FUNCTIONS.items(), FORMS)
        if np.ptp(function(few[scale]))  # what is 0 everywhere is no gate
    ]
    for value in values:
        for shift in (NOTHING, *scales, *(name for name in values if name != value)):
            every = [gate._replace(value=value, shift=shift) for gate in gates]
            every.append(Modulation(value, shift=shift))
            made = np.array([one.made(few) for one in every])
            for outer, function in MAIN.items():
                apart = np.abs(function(made) - side[:FEW]).max(axis=1)
                for i in np.flatnonzero(apart <= 1e-6 * np.abs(side[:FEW]).max()):
                    found = every[i]._replace(outer=outer)
                    if near(found.made(rows), side):
                        yield found
