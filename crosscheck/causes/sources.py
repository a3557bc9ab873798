"""What a value without weights of its own may have been made of, and cheap trials of what was done to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.functions import Function
from crosscheck.causes.site import Site
from crosscheck.causes.variant import Source, Variant

PART = 1024
"""Elements on which functions are tried first."""


def alone(site: Site) -> bool:
    """Whether something is made of what went in without weights of its own."""
    return site.target == "value" or (site.target == "output" and not site.weights)


def sources(site: Site, most: int = 10) -> list[Array]:
    """What a value may have been made of, the nearest first, each once."""
    return distinct([*reversed(site.given), *reversed(site.inputs)])[:most]


def distinct(values: Iterable[Array]) -> list[Array]:
    """Arrays of numbers, each once."""
    found: list[Array] = []
    for x in values:
        if x.dtype.kind in "fiub" and x.size and not any(same(x, y) for y in found):
            found.append(x)
    return found


def same(x: Array, y: Array) -> bool:
    return x.shape == y.shape and x.dtype == y.dtype and np.array_equal(x, y)


def floats(site: Site) -> list[Array]:
    """Sources of numbers with a fraction."""
    return [x for x in sources(site) if x.dtype.kind == "f"]


def alike(site: Site) -> list[Array]:
    """Sources of the value's own shape, some of them flattened."""
    shape = site.first.shape
    return [y for x in floats(site) for y in (x, *flat(x, shape)) if y.shape == shape]


def each(site: Site, values: Iterable[Array]) -> Iterator[tuple[Source, Array]]:
    """Values, each as a source and by itself."""
    for place, x in enumerate(values):
        yield Source(site.name_of(x) or f"value {place}", x), x


def flat(x: Array, shape: tuple[int, ...]) -> list[Array]:
    """An example's numbers in one row, if that makes a value of this shape."""
    is_row = len(shape) == 2 < x.ndim and len(x) == shape[0] and x.size == np.prod(shape)
    return [x.reshape(shape)] if is_row else []


def spread(x: Array, shape: tuple[int, ...]) -> list[Array]:
    """Pixels in one row [n c t] or [n t c] as the images they are of, if that makes a value of this shape."""
    fits = x.ndim == 3 < len(shape) and x.size == np.prod(shape) and len(x) == shape[0]
    return [x.reshape(shape)] if fits and (x.shape[1] == shape[1] or x.shape[2] == shape[-1]) else []


def at_every_place(x: Array, shape: tuple[int, ...]) -> list[Array]:
    """A vector for each example as it broadcasts to a value of this shape: the same along all axes but its own."""
    if x.ndim != 2 or len(shape) < 3 or len(x) != shape[0]:
        return []
    axes = [axis for axis in (1, len(shape) - 1) if shape[axis] == x.shape[1]]
    return [x.reshape(len(x), *(-1 if i == axis else 1 for i in range(1, len(shape)))) for axis in axes]


def part(x: Array) -> Array:
    """Elements from all over the array."""
    return np.ravel(x) if x.size <= PART else np.asarray(x[picked(x.shape)])


def picked(shape: tuple[int, ...]) -> tuple[Array, ...]:
    """Places all over an array of this shape: every one if there are few."""
    size = int(np.prod(shape))
    chosen = np.arange(size) if size <= PART else np.random.default_rng(0).integers(0, size, PART)
    return np.unravel_index(chosen, shape)


def near(made: Array, side: Array) -> bool:
    """Whether elements may be those of a side; the whole is held to rounding later."""
    finite = np.isfinite(side)
    if not finite.all():
        made, side = np.where(finite, made, 0), np.where(finite, side, 0)
    return bool(np.linalg.norm(made - side) <= 1e-5 * np.linalg.norm(side))


def written(values: Iterable[float]) -> bool:
    """Whether somebody may have written one of these numbers down: infinite, or of three digits."""
    return any(not np.isfinite(v) or np.isclose(v, float(f"{v:.3g}"), 1e-7, 0) for v in values)


def elementwise(site: Site, functions: Mapping[str, Function], otherwise: str) -> Iterator[Variant]:
    """Variants by functions of each element of a source that may have made either side; both of the same source."""
    sides = part(site.first), part(site.second)
    for place, x in enumerate(alike(site)):
        some = part(x)
        for name, function in functions.items():
            with np.errstate(all="ignore"):
                made = function(some)
            is_flat = np.ptp(some) > 0 == np.ptp(made)  # nothing is left of it: no evidence of this function
            if not is_flat and any(near(made, side) for side in sides):
                yield Variant((), name, partial(function, x), name, otherwise, ((f"source {place}", ""),))
