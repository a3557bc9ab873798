"""How one shape can be made of another by permuting, grouping and splitting axes, likeliest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import permutations
from math import prod
from typing import NamedTuple

import numpy as np
from einops import rearrange

from crosscheck.axes import Array
from crosscheck.models.model import Leaf

NAMES = "abcdefgh"


class Fit(NamedTuple):
    """An einops pattern with the sizes it needs; told: the axes' names decided for it."""

    pattern: str
    sizes: tuple[tuple[str, int], ...] = ()
    told: bool = False

    def there(self, array: Array) -> Array:
        """The first layout's array in the second layout."""
        return np.asarray(rearrange(np.asarray(array), self.pattern, **dict(self.sizes)))

    def back(self, array: Array) -> Array:
        left, right = self.pattern.split("->")
        return np.asarray(rearrange(np.asarray(array), f"{right} -> {left}", **dict(self.sizes)))


def fits(first: Leaf, second: Leaf) -> tuple[Fit, ...]:
    """Every way to lay the first leaf out as the second. One alone if both tell what their axes mean."""
    return shape_fits(first.shape, second.shape, first.axes, second.axes)


@cache
def shape_fits(first: tuple[int, ...], second: tuple[int, ...], axes: str = "", others: str = "") -> tuple[Fit, ...]:
    if prod(first) != prod(second) or max(len(first), len(second)) > len(NAMES):
        return ()
    named = by_names(first, second, axes, others)
    if named:
        return (named,)
    if len(first) >= len(second):
        found = [Fit(f"{high} -> {low}", sizes) for high, low, sizes in groupings(first, second)]
    else:
        found = [Fit(f"{low} -> {high}", sizes) for high, low, sizes in groupings(second, first)]
    return tuple(sorted(dict.fromkeys(found), key=lambda fit: unlikely(fit, first)))


def unlikely(fit: Fit, shape: Sequence[int]) -> int:
    """0 if nothing is moved, or for a customary layout of what has more channels than pixels; 1 for one of anything
    else, 2 for all others."""
    here, there = fit.pattern.split(" -> ")
    pixels = CUSTOMARY.get(fit.pattern, () if here == there else None)
    if pixels is None:
        return 2
    return int(prod(shape) < prod(shape[i] for i in pixels) ** 2)


def customary() -> Iterator[tuple[str, tuple[int, ...]]]:
    """How torch lays out kernels and images as flax does, and the other way round, and where their pixels are: the
    channels go to the end."""
    for count in (1, 2, 3):
        pixels = tuple(range(2, count + 2))
        for there in ((*pixels, 1, 0), (0, *pixels, 1)):
            back = tuple(there.index(i) for i in range(count + 2))
            for order, places in ((there, pixels), (back, tuple(there.index(i) for i in pixels))):
                names = NAMES[: count + 2]
                yield f"{' '.join(names)} -> {' '.join(names[i] for i in order)}", places


CUSTOMARY = dict(customary())


def by_names(first: tuple[int, ...], second: tuple[int, ...], axes: str, others: str) -> Fit | None:
    """The pattern that the axes' names tell, if both have the same ones (axes of size 1 aside)."""
    if not axes or not others or len(axes.split()) != len(first) or len(others.split()) != len(second):
        return None
    a = {name: size for name, size in zip(axes.split(), first) if size != 1 or name in others.split()}
    b = {name: size for name, size in zip(others.split(), second) if size != 1 or name in axes.split()}
    if a != b:
        return by_group(a, b)
    left = " ".join(name if name in a else "1" for name in axes.split())
    right = " ".join(name if name in b else "1" for name in others.split())
    return Fit(f"{left} -> {right}", (), True)


def by_group(a: dict[str, int], b: dict[str, int]) -> Fit | None:
    """Where all axes but one on one side have the same names, that one is made of the rest of the other's."""
    alone, alone_there = ([n for n in x if n not in y] for x, y in ((a, b), (b, a)))
    shared = {n: a[n] for n in a if n in b}
    if min(len(alone), len(alone_there)) != 1 or prod(a.values()) != prod(b.values()) or shared.items() - b.items():
        return None
    many = a if len(alone) > 1 else b
    group = f"({' '.join(alone if many is a else alone_there)})"
    sizes = tuple((name, many[name]) for name in (alone if many is a else alone_there))
    sides = [" ".join(group if n in (alone if x is a else alone_there) else n for n in x) for x in (a, b)]
    kept = " ".join(a if many is a else b)
    pattern = f"{kept} -> {sides[1]}" if many is a else f"{sides[0]} -> {kept}"
    return Fit(pattern, sizes, True)


def groupings(high: Sequence[int], low: Sequence[int]) -> Iterator[tuple[str, str, tuple[tuple[str, int], ...]]]:
    """Ways to make each axis of `low` of neighbouring axes of `high`: (names of high, groups of low, sizes)."""
    names = NAMES[: len(high)]
    for cut in cuts(list(range(len(high))), len(low)):
        for order in permutations(range(len(low))):
            groups = [cut[i] for i in order]
            if all(prod(high[axis] for axis in group) == size for group, size in zip(groups, low)):
                grouped = [" ".join(names[axis] for axis in group) for group in groups]
                shown = [f"({text})" if len(group) != 1 else text for text, group in zip(grouped, groups)]
                sizes = tuple((names[a], high[a]) for group in groups if len(group) > 1 for a in group)
                yield " ".join(names), " ".join(shown), sizes


def cuts(axes: list[int], count: int) -> Iterator[list[list[int]]]:
    """All ways to cut a list into `count` runs of neighbours, each with at least one (none, for a scalar)."""
    if count == 0:
        if not axes:
            yield []
        return
    if count == 1:
        yield [axes]
        return
    for end in range(1, len(axes) - count + 2):
        for rest in cuts(axes[end:], count - 1):
            yield [axes[:end], *rest]
