"""Pixels and channels exchanged for each other, patches, and what is repeated."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import permutations, product

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, near, part, sources
from crosscheck.causes.variant import Variant, family

DOCS = "https://docs.pytorch.org/docs/stable/generated/torch."

cause(
    "pixel-shuffle-channel-order",
    "order",
    "channels become pixels (or pixels channels) in another order",
    "F.pixel_shuffle(x, r): channel = c r r + i r + j",
    "depth_to_space: channel = (i r + j) C + c",
    "x.view(n, r, r, c, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, c, h * r, w * r)",
    "x.reshape(n, h, w, c, r, r), transposed to n h r w r c",
    DOCS + "nn.PixelShuffle.html",
)
cause(
    "unfold-patch-order",
    "order",
    "the numbers of a patch (or the patches of an image) are in another order",
    "F.unfold, or a strided convolution: (c i j)",
    "reshape of n h w c images: (i j c)",
    "x.permute to n h w c before the patches are flattened",
    "transpose patches to (c i j), or permute the projection's kernel",
    DOCS + "nn.Unfold.html",
)
cause(
    "repeat-vs-tile",
    "order",
    "one side repeats each element, the other the whole axis",
    "x.repeat(2) is x0 x1 x0 x1; repeat_interleave is x0 x0 x1 x1",
    "jnp.repeat is x0 x0 x1 x1; jnp.tile is x0 x1 x0 x1",
    "x.repeat_interleave(n, dim)",
    "jnp.tile for repeat, jnp.repeat for repeat_interleave",
    DOCS + "Tensor.repeat.html",
)

WAYS = tuple(permutations("cij"))


def images(site: Site, channel: int) -> list[Array]:
    """Sources that are images, with their channels second."""
    return [np.moveaxis(x, channel, 1) for x in sources(site) if x.ndim == 4 and x.dtype.kind == "f"]


def channel_axes(site: Site) -> tuple[int, ...]:
    return (1, -1) if site.sides[0].framework == "torch" else (-1, 1)


@family
def pixel_shuffles(site: Site) -> Iterator[Variant]:
    """Blocks of r x r pixels from channels, or the other way."""
    if not alone(site) or site.first.ndim != 4:
        return
    for axis in channel_axes(site):
        target = np.moveaxis(site.first, axis, 1).shape
        for x in images(site, axis):
            r = block(x.shape, target)
            for way in WAYS if r else ():
                make = partial(shuffled, x, abs(r), way, r < 0, axis)
                words = f"channel = ({' '.join(way)})"
                yield Variant((), words, make, words, "pixel-shuffle-channel-order")


def block(shape: tuple[int, ...], target: tuple[int, ...]) -> int:
    """The side of the block of pixels that becomes channels (negative), or that channels become; 0 if none."""
    for big, small, sign in ((target, shape, 1), (shape, target, -1)):
        r = big[2] // small[2] if small[2] else 0
        if r > 1 and big[2:] == (small[2] * r, small[3] * r) and small[1] == big[1] * r * r:
            return sign * r
    return 0


def shuffled(x: Array, r: int, way: tuple[str, ...], down: bool, axis: int) -> Array:
    n, c, h, w = x.shape
    if down:
        split = x.reshape(n, c, h // r, r, w // r, r)
        names = dict(zip("cij", (1, 3, 5)))
        made = split.transpose(0, *(names[k] for k in way), 2, 4).reshape(n, c * r * r, h // r, w // r)
    else:
        sizes = {"c": c // r**2, "i": r, "j": r}
        split = x.reshape(n, *(sizes[k] for k in way), h, w)
        names = {k: 1 + way.index(k) for k in "cij"}
        made = split.transpose(0, names["c"], 4, names["i"], 5, names["j"]).reshape(n, c // r**2, h * r, w * r)
    return np.moveaxis(made, 1, axis)


@family
def patches(site: Site) -> Iterator[Variant]:
    """Images cut into patches [n patches numbers]."""
    if not alone(site) or site.first.ndim != 3:
        return
    _, count, numbers = site.first.shape
    for axis in channel_axes(site):
        for x in images(site, axis):
            for p in (p for p in (2, 3, 4, 5, 7, 8, 14, 16, 32) if x.shape[1] * p * p in (numbers, count)):
                if x.shape[2] % p == x.shape[3] % p == 0 and x.size == site.first.size:
                    yield from cut_up(x, p, numbers == x.shape[1] * p * p)


def cut_up(x: Array, p: int, last: bool) -> Iterator[Variant]:
    n, c, h, w = x.shape
    split = x.reshape(n, c, h // p, p, w // p, p)
    names = {"c": 1, "h": 2, "i": 3, "w": 4, "j": 5}
    for grid, way in product(("hw", "wh"), WAYS):
        places, inner = [names[k] for k in grid], [names[k] for k in way]
        order = (0, *places, *inner) if last else (0, *inner, *places)
        shape = (n, -1, c * p * p) if last else (n, c * p * p, -1)
        words = f"patches ({' '.join(grid)}) of ({' '.join(way)})"
        yield Variant((), words, partial(laid_out, split, order, shape), words, "unfold-patch-order")


def laid_out(x: Array, order: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    return x.transpose(order).reshape(shape)


@family
def repeated(site: Site) -> Iterator[Variant]:
    """Elements or the whole, several times along one axis or more."""
    if not alone(site) or site.first.ndim == 0:
        return
    sides = part(site.first), part(site.second)
    for x in (x for x in sources(site) if x.ndim == site.first.ndim):
        counts = {axis: m // n for axis, (m, n) in enumerate(zip(site.first.shape, x.shape)) if n and m != n}
        if counts and site.first.size == x.size * np.prod([*counts.values()]):
            for words, make in (("each element repeated", np.repeat), ("the whole axis repeated", tiled)):
                made = x
                for axis, count in counts.items():
                    made = make(made, count, axis)
                if any(near(part(made), side) for side in sides):
                    yield Variant((), words, partial(np.asarray, made), words, "repeat-vs-tile")


def tiled(x: Array, count: int, axis: int) -> Array:
    return np.concatenate([x] * count, axis)
