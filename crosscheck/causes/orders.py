"""The same numbers in another order: axes exchanged, reshaped where they should be transposed, flipped, shifted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import permutations

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.changes import Change, changes, same_elements
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, picked
from crosscheck.causes.variant import Variant, later

PERMUTE = "https://docs.pytorch.org/docs/stable/generated/torch.permute.html"
MOST_PARTS, MOST_SLICES, SLICE = 6, 2048, 64
"""Parts of an axis that may change places; slices that are looked for, by so many of their elements at most."""
FLAX = "https://flax.readthedocs.io/en/latest/guides/converting_and_upgrading/convert_pytorch_to_flax.html"

cause(
    "axes-swapped",
    "order",
    "two axes (or more) of equal size are exchanged",
    "x.permute(...), x.transpose(i, j)",
    "jnp.transpose(x, ...), jnp.swapaxes(x, i, j)",
    "take out the transpose, or add it",
    "take out the transpose, or add it",
    PERMUTE,
)
cause(
    "image-reshape-instead-of-transpose",
    "order",
    "one side reshapes where the other transposes: the shapes agree, the elements are scrambled",
    "x.permute(0, 2, 3, 1)",
    "jnp.transpose(x, (0, 2, 3, 1))",
    "permute, not view or reshape",
    "jnp.transpose, not reshape",
    PERMUTE,
)
cause(
    "flatten-order-dense",
    "order",
    "images are flattened in another order: channels first in torch, channels last in JAX",
    "torch.flatten(x, 1): (c h w)",
    "x.reshape(n, -1): (h w c)",
    "x.permute(0, 2, 3, 1).flatten(1)",
    "jnp.transpose(x, (0, 3, 1, 2)).reshape(n, -1), or permute the kernel that follows",
    FLAX,
)
cause(
    "interleaved-groups",
    "order",
    "an axis made of two (groups and channels, heads and features) has them the other way round",
    "x.view(n, groups, c // groups, ...).transpose(1, 2): a channel shuffle",
    "x.reshape(..., c // groups, groups): the last axis split the other way",
    "view as (groups, c // groups)",
    "reshape to (groups, c // groups), then swap",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.ChannelShuffle.html",
)
cause(
    "flipped",
    "order",
    "one side is reversed along an axis",
    "torch.flip(x, dims)",
    "jnp.flip(x, axis), x[::-1]",
    "take out the flip, or add it",
    "take out the flip, or add it",
    "https://docs.pytorch.org/docs/stable/generated/torch.flip.html",
)
cause(
    "shifted",
    "order",
    "one side is shifted along an axis, the end coming in again at the beginning",
    "torch.roll(x, shifts, dims)",
    "jnp.roll(x, shift, axis)",
    "shift as JAX does: roll moves towards higher indices",
    "shift as torch does: roll moves towards higher indices",
    "https://docs.pytorch.org/docs/stable/generated/torch.roll.html",
)


@later
def reordered(site: Site) -> Iterator[Variant]:
    if (alone(site) or site.target == "gradient") and same_elements(site):
        x = site.first
        yield from changes(site, [*flips(x), *shifts(x), *exchanged(site), *axes(x), *splits(site)])


def flips(x: Array) -> Iterator[Change]:
    for axis in range(x.ndim):
        if x.shape[axis] > 1:
            yield Change("flipped", f"reversed along axis {axis}", partial(np.flip, axis=axis))
    if x.ndim > 2:
        yield Change("flipped", "reversed along the last two axes", partial(np.flip, axis=(-2, -1)))


def shifts(x: Array) -> Iterator[Change]:
    for axis in range(x.ndim):
        for by in (1, -1, 2, -2):
            if x.shape[axis] > 2 and by % x.shape[axis]:
                yield Change("shifted", f"shifted by {by} along axis {axis}", partial(np.roll, shift=by, axis=axis))


def exchanged(site: Site) -> Iterator[Change]:
    """A few parts of an axis that change places."""
    for axis in range(1, site.first.ndim):
        order = places(site.first, site.second, axis)
        parts = [f"{run[0]} to {run[-1]}" for run in runs(order)] if order else []
        if 1 < len(parts) <= MOST_PARTS:
            says = f"along axis {axis} the other's elements {', '.join(parts)}"
            yield Change("concat-order", says, partial(np.take, indices=order, axis=axis))


def places(x: Array, y: Array, axis: int) -> list[int]:
    """Of every slice of y along an axis, which slice of x it is; none if they are not the same slices."""
    one, other = (np.moveaxis(side, axis, 0).reshape(side.shape[axis], -1) for side in (x, y))
    if len(one) > MOST_SLICES:
        return []
    at = np.unique(picked(one.shape[1:])[0][:SLICE])
    one, other = one[:, at], other[:, at]
    alike = np.abs(one[None] - other[:, None]).max(axis=2) <= 1e-9 * np.abs(one).max()  # [of y, of x]
    order: list[int] = []
    for row in range(len(other)):
        free = [int(i) for i in np.flatnonzero(alike[row]) if i not in order]
        if not free:
            return []
        order.append(next((i for i in free if order and i == order[-1] + 1), max(free, key=partial(run, alike, row))))
    return order


def run(alike: Array, row: int, start: int) -> int:
    """How many slices from these on are alike: of several that are, zeros say, the one with which a part begins."""
    ahead = alike.diagonal(start - row)[min(row, start) :]
    return int(np.argmin(ahead)) if not ahead.all() else len(ahead)


def runs(order: Sequence[int]) -> list[Array]:
    """Stretches in which each number is one more than that before it."""
    return np.split(np.asarray(order), np.flatnonzero(np.diff(order) != 1) + 1)


def axes(x: Array) -> Iterator[Change]:
    """Permuted axes, as they are or read off into the old shape."""
    for order in permutations(range(x.ndim)) if 1 < x.ndim < 6 else ():
        if order == tuple(range(x.ndim)):
            continue
        if tuple(x.shape[i] for i in order) == x.shape:
            yield Change("axes-swapped", f"axes in the order {order}", partial(np.transpose, axes=order))
        else:
            make = partial(scrambled, order=order)
            yield Change("image-reshape-instead-of-transpose", f"reshaped, where {order} transposes", make)


def scrambled(x: Array, order: tuple[int, ...]) -> Array:
    return np.transpose(x, order).reshape(x.shape)


def splits(site: Site) -> Iterator[Change]:
    """One axis seen as several, which are permuted: as images that may have been flattened have them, or two."""
    x = site.first
    seen = {y.shape[1:] for y in (*site.inputs, *site.given) if 3 <= y.ndim < 6}
    shapes = {turned for shape in seen for turned in (shape, shape[1:] + shape[:1], shape[-1:] + shape[:-1])}
    for axis in range(x.ndim):
        for shape in sorted(s for s in shapes if np.prod(s) == x.shape[axis]):
            for order in permutations(range(len(shape))):
                if order != tuple(range(len(shape))):
                    make = partial(resplit, axis=axis, shape=shape, order=order)
                    yield Change("flatten-order-dense", f"{shape} flattened in the order {order}", make)
        for size in (a for a in range(2, min(x.shape[axis], 65)) if x.shape[axis] % a == 0):
            shape = (size, x.shape[axis] // size)
            make = partial(resplit, axis=axis, shape=shape, order=(1, 0))
            yield Change("interleaved-groups", f"axis {axis} split into {shape}, exchanged", make)


def resplit(x: Array, axis: int, shape: tuple[int, ...], order: tuple[int, ...]) -> Array:
    split = x.reshape(*x.shape[:axis], *shape, *x.shape[axis + 1 :])
    kept, tail = range(axis), range(axis + len(shape), split.ndim)
    return np.transpose(split, (*kept, *(axis + i for i in order), *tail)).reshape(x.shape)
