"""A closer look at a site of which nothing can be said as a whole: the part that differs, values behind an activation,
and several values as one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, product
from typing import NamedTuple

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.changes import comparable
from crosscheck.causes.concats import concatenated, fits, parts
from crosscheck.causes.functions import GELU, GELU_TANH, MAIN, RELU, SILU
from crosscheck.causes.normalizing import unit_length
from crosscheck.causes.padding import padded
from crosscheck.causes.rearranged import channel_axes, patches, pixel_shuffles, repeated
from crosscheck.causes.reductions import reduced
from crosscheck.causes.resize import resized
from crosscheck.causes.site import Site
from crosscheck.causes.softmaxes import seen, softmaxes
from crosscheck.causes.sources import alike, alone, distinct, sources
from crosscheck.causes.variant import Family
from crosscheck.causes.wiring import wired

LARGE, NEAREST, NEARBY, MOST, ENOUGH, TINY = 500_000, 4, 6, 3, 12, 1e-300


class Look(NamedTuple):
    """A site made of another; where: of what it is about, in words; families: that are asked, all if none."""

    site: Site
    where: str
    families: tuple[Family, ...] = ()


BEHIND: tuple[Family, ...] = (
    resized,
    padded,
    reduced,
    unit_length,
    parts,
    concatenated,
    pixel_shuffles,
    patches,
    repeated,
)
"""What often follows an activation."""


def closer(site: Site) -> Iterator[Look]:
    """The part that differs, then that and the whole as made of what activations give."""
    if not alone(site) or not comparable(site):
        return
    stretches = list(differing(site))
    yield from stretches
    for look in (*stretches, Look(site, "")):
        yield from behind(look)
    yield from of_sums(site)
    yield from ahead_of_softmax(site)
    yield from together(site)


def differing(site: Site) -> Iterator[Look]:
    """The stretch of one axis, but for the examples', outside of which the sides agree; longer ones, too, that a source
    may fill."""
    scale = float(np.abs(site.first).max(initial=0.0))
    off = ~(np.abs(site.first - site.second) <= 1e-9 * scale)
    for axis in range(1, site.first.ndim) if off.any() else ():
        there = np.flatnonzero(off.any(tuple(i for i in range(off.ndim) if i != axis)))
        low, high, n = int(there.min()), int(there.max()) + 1, off.shape[axis]
        if high - low == n:
            continue
        sizes = {x.shape[axis] for x in site.inputs if x.ndim == off.ndim and x.shape[axis] < n}
        wider = [(a, b) for k in sorted(sizes) for a, b in ((0, k), (n - k, n)) if a <= low and high <= b]
        for a, b in list(dict.fromkeys([(low, high), *wider]))[:MOST]:
            first, second = (cut(side, axis, a, b) for side in (site.first, site.second))
            if first.size >= ENOUGH:
                where = f"elements {a} to {b - 1}" if b - a > 1 else f"element {a}"
                made = with_stretches(replace(site, first=first, second=second), axis % off.ndim, a, b, n)
                yield Look(made, f"{where} along axis {axis}")
        return


def with_stretches(site: Site, axis: int, low: int, high: int, n: int) -> Site:
    """With the same stretch of what is as wide as the whole value, in its place: of sequences, say, of which the value
    is one position."""
    last = axis == site.first.ndim - 1
    wide = [x.ndim > site.first.ndim and x.shape[-1 if last else axis] == n for x in site.inputs]
    values = [
        cut(x, x.ndim - 1 if last else axis, low, high) if is_wide else x for x, is_wide in zip(site.inputs, wide)
    ]
    said = [
        (f"elements {low} to {high - 1} of {words}" if is_wide else words, kind)
        for (words, kind), is_wide in zip(site.called, wide)
    ]
    return replace(site, inputs=tuple(values), called=(*said, *site.called[len(said) :]))


def cut(x: Array, axis: int, low: int, high: int) -> Array:
    return x[(slice(None),) * axis + (slice(low, high),)]


def behind(look: Look) -> Iterator[Look]:
    """The same as made of the nearest sources, and of what an activation gives of them."""
    site = look.site
    found = [x for x in sources(site) if x.dtype.kind == "f"]
    fitting = (
        x
        for axis in channel_axes(site)
        for x in found
        if 1 < x.ndim == site.first.ndim and x.shape[axis] == site.first.shape[axis]
    )
    near = (distinct(fitting) or found)[NEAREST - 1 :: -1]
    words = [site.name_of(x) or f"value {place}" for place, x in enumerate(near)]
    for name in (RELU, SILU, GELU, GELU_TANH)[: 4 if site.first.size <= LARGE else 1]:
        inputs = *near, *map(MAIN[name], near)
        called = *((said, "") for said in words), *((f"{name} of {said}", "") for said in words)
        yield Look(replace(site, inputs=inputs, given=(), called=called), look.where, BEHIND)


def ahead_of_softmax(site: Site) -> Iterator[Look]:
    """What a softmax is taken of, on both sides along the same axis, but for what it does not show: one number that is
    added to all scores."""
    mine, theirs = seen(site.first), seen(site.second)
    for says, axis in (way for way in mine if way in theirs):
        sides = (
            side if says.startswith("log") else np.log(np.maximum(side, TINY)) for side in (site.first, site.second)
        )
        first, second = (side - side.mean(axis, keepdims=True) for side in sides)
        named = [(x, site.name_of(x)) for x in alike(site)[:NEARBY]]
        made = replace(
            site,
            first=first,
            second=second,
            inputs=tuple(x - x.mean(axis, keepdims=True) for x, _ in named[::-1]),
            given=(),
            called=tuple((words or f"value {place}", "") for place, (_, words) in enumerate(named))[::-1],
        )
        yield Look(made, "ahead of the softmax", (wired,))


def of_sums(site: Site) -> Iterator[Look]:
    """The same as made of a sum of two of the nearest values."""
    named = [(x, site.name_of(x) or f"value {place}") for place, x in enumerate(alike(site)[:NEAREST])]
    made = [(x + y, f"{one} + {other}") for (x, one), (y, other) in combinations(named, 2) if x.shape == y.shape]
    if made:
        values, words = zip(*made)
        yield Look(replace(site, inputs=values, given=(), called=tuple((said, "") for said in words)), "", (softmaxes,))


def together(site: Site) -> Iterator[Look]:
    """A vector of each example as reduced from images or sequences that are put together in the order in which they
    came, so that their channels are as many."""
    near = [x for x in site.inputs if x.dtype.kind == "f" and x.ndim > 2][-NEARBY:]
    for count in range(2, NEARBY if site.first.ndim == 2 else 0):
        for values, axis in product(combinations(near, count), (1, -1)):
            alike = all(fits(x, values[0], axis % x.ndim) for x in values)
            if alike and sum(x.shape[axis] for x in values) == site.first.shape[1]:
                made = replace(site, inputs=(np.concatenate(values, axis),), given=(), called=())
                yield Look(made, f"of {count} values put together", (reduced,))
