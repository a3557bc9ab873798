"""Pooling: windows over images and sequences, and the last position of a padded sequence.

Y[n c u] = max or mean over i of X_pad[n c (s u + i)]       max pads with -inf; the mean counts padded zeros or not
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from math import prod

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.conv import short, some
from crosscheck.causes.functions import MAIN
from crosscheck.causes.options import Axis, Option, departures, search, settings
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, each, floats
from crosscheck.causes.variant import ANY, BETWEEN, Variant, family, of
from crosscheck.causes.windows import Geometry, Pair, ahead, behind, paddings, same, tuples, windows

MAX = "https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html"
AVG = "https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html"
ADAPTIVE = "https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html"
LINEN = "https://flax-linen.readthedocs.io/en/latest/api_reference/flax.linen/layers.html#pooling"

cause(
    "pool-default-stride",
    "conv/pool",
    "the windows of the pools are different steps apart",
    "MaxPool2d(k): stride k by default",
    "max_pool(x, (k, k)): strides of 1 by default",
    "stride=1",
    "strides=(k, k)",
    LINEN,
)
cause(
    "pool-window",
    "conv/pool",
    "the windows of the pools are of different sizes",
    "MaxPool2d(kernel_size)",
    "max_pool(x, window_shape)",
    "kernel_size=... of the other side",
    "window_shape=... of the other side",
    LINEN,
)
cause(
    "maxpool-same-vs-pad1",
    "conv/pool",
    "one side pads its pool as SAME does, an odd pixel after the image; the other pads alike on both ends",
    "MaxPool2d(3, 2, padding=1): one pixel on both ends",
    "max_pool(x, (3, 3), (2, 2), 'SAME'): of an even size none before, one after",
    "F.pad(x, (0, 1, 0, 1), value=-inf), then padding=0",
    "padding=((1, 1), (1, 1))",
    "https://github.com/google/flax/issues/963",
)
cause(
    "pool-padding",
    "conv/pool",
    "the pools are padded differently",
    "padding=p: p on both ends, at most half the window",
    "padding=((low, high), ...), 'SAME' or 'VALID'",
    "F.pad(x, (left, right, top, bottom), value=...), then padding=0",
    "padding=((p, p), (p, p))",
    LINEN,
)
cause(
    "maxpool-ceil-mode",
    "conv/pool",
    "one side's last window hangs over the end (ceil_mode)",
    "MaxPool2d(..., ceil_mode=True): ceil((n + 2p - k) / s) + 1 windows",
    "no ceil_mode: floor",
    "ceil_mode=False",
    "padding=((p, p + over), ...), over = (m - 1) s + k - n - 2p",
    "https://github.com/google/flax/issues/2040",
)
cause(
    "maxpool-zero-padding",
    "conv/pool",
    "one side pads its max pool with zeros, the other with -inf",
    "MaxPool2d(padding=p): -inf",
    "max_pool(padding=...): -inf; jnp.pad ahead of it: zeros",
    "MaxPool2d(padding=p), not F.pad",
    "padding=((p, p), (p, p)) of max_pool, or jnp.pad(..., constant_values=-jnp.inf)",
    MAX,
)
cause(
    "avgpool-count-include-pad",
    "conv/pool",
    "one side's mean counts padded zeros, the other's does not",
    "AvgPool2d(count_include_pad=True)",
    "avg_pool(count_include_pad=True); TensorFlow's does not count them",
    "count_include_pad=... of the other side",
    "count_include_pad=... of the other side",
    AVG,
)
cause(
    "avgpool-ceil-mode-divisor",
    "conv/pool",
    "one side's mean counts what a window has beyond the padding (ceil_mode), the other's does not",
    "AvgPool2d(ceil_mode=True): counts the padding, not what is beyond it",
    "avg_pool(padding=((p, p + over), ...)) counts the whole window",
    "divisor_override=k * k",
    "divide the sums by the counts yourself",
    AVG,
)
cause(
    "adaptive-avgpool-bins",
    "conv/pool",
    "one side pools over bins that may overlap (adaptive pooling), the other over windows all alike",
    "AdaptiveAvgPool2d(m): floor(i n / m) to ceil((i + 1) n / m)",
    "avg_pool with windows of n // m",
    "AvgPool2d(n // m) where m divides n",
    "means of x[..., i * n // m : -(-(i + 1) * n // m), :]",
    ADAPTIVE,
)
cause(
    "last-token-padding",
    "conv/pool",
    "one side takes the last position, the other the last one that is not padded",
    "x[:, -1]",
    "x[jnp.arange(n), mask.sum(1) - 1]",
    "x[torch.arange(n), mask.sum(1) - 1]",
    "x[:, -1]",
    "https://huggingface.co/docs/transformers/main/en/model_doc/gpt2",
)

SAME = "padded as SAME"
for p in range(9):
    BETWEEN[frozenset((SAME, f"padded by {p}"))] = "maxpool-same-vs-pad1"
    for q in range(9):
        for word in (SAME, f"padded by {q}"):
            BETWEEN[frozenset((f"padded by {p}, the last window over the end", word))] = "maxpool-ceil-mode"
SIZES = (2, 3, 4, 5, 7)
BEFORE = ("no activation", "relu(x)", "silu, x sigmoid(x)", "tanh(x)", "exact gelu, x Phi(x)", "leaky relu, slope 0.01")
BEHIND = {f"{name}, of what the windows give": name for name in BEFORE[1:]}
BETWEEN.update({frozenset((name, says)): "layer-before-or-after" for says, name in BEHIND.items()})
BETWEEN.update({frozenset((BEFORE[0], says)): "activation-missing" for says in BEHIND})


@family
def pool(site: Site) -> Iterator[Variant]:
    """Of a value as it is, or of an activation of it; flattened or not."""
    if not alone(site) or site.first.dtype.kind != "f":
        return
    even, ranks = site.first.shape == site.second.shape, {site.first.ndim, site.second.ndim}
    for source, x in each(site, floats(site)):
        fits = ranks == {x.ndim} or (even and ranks == {2})
        if 3 <= x.ndim <= 5 and fits and len(x) == len(site.first) == len(site.second):
            own = site.sides[0].framework
            for order in (own, "jax" if own == "torch" else "torch")[: 1 + (site.first.ndim == 2)]:
                yield from of(source, pools_of(site, ahead(x, own), order))


def pools_of(site: Site, x: Array, order: str) -> Iterator[Variant]:
    """order: the framework that has the images, if they are flat, as they lie in memory."""
    n, c, *image = x.shape
    framework = site.sides[0].framework
    flat = site.first.ndim == 2
    made = [y if flat else ahead(y, framework) for y in (site.first, site.second)]
    if 0 in x.shape or any(y.size % (n * c) or (not flat and y.shape[1] != c) for y in made):
        return
    outs = dict.fromkeys((y.size // (n * c), None if flat else y.shape[2:]) for y in made)
    if any(places == 1 or places > prod(image) for places, _ in outs):
        return
    found = [option for places, out in outs for option in geometries(site, image, places, out)]
    if not found:
        return
    axes = [
        settings("activation", (*BEFORE, *BEHIND), str, ""),
        settings("kind", ("max", "mean"), "the {}".format, "max-for-mean-pooling"),
        Axis("geometry", found),
        departures("fill", -np.inf, (0.0, "zeros around", "maxpool-zero-padding")),
        departures(
            "count",
            "padding",
            ("image", "padding not counted", "avgpool-count-include-pad"),
            ("window", "the whole window counted", "avgpool-ceil-mode-divisor"),
        ),
    ]
    yield from search(site, axes, product(site, x, order, flat), small(site, c, order, flat), "windows")


def geometries(site: Site, image: Sequence[int], places: int, out: tuple[int, ...] | None) -> Iterator[Option]:
    """Windows, strides and paddings under which there are as many places as there are; and adaptive bins."""
    rank, seen = len(image), set()
    for size in dict.fromkeys([*tuples(site, rank, "kernel_size", "window_shape"), *((k,) * rank for k in SIZES)]):
        strides = [*tuples(site, rank, "stride", "strides"), size, (1,) * rank, (2,) * rank, (3,) * rank]
        for stride in dict.fromkeys(strides):
            for says, padding in ways_to_pad(site, image, size, stride):
                geometry = Geometry(tuple(size), tuple(stride), (1,) * rank, padding)
                gives = geometry.gives(image)
                fits = gives == out if out is not None else prod(gives) == places
                if not fits or min(gives) < 1 or geometry in seen or max(size) == 1:
                    continue
                seen.add(geometry)
                parts = (
                    (f"window {size}", "pool-window"),
                    (f"stride {stride}", "pool-default-stride"),
                    (says, "pool-padding"),
                )
                yield Option(geometry, ", ".join(part for part, _ in parts), "", parts)
    target = out or tuple([round(places ** (1 / rank))] * rank)
    if prod(target) == places and any(n % m for n, m in zip(image, target)):
        yield Option(target, "adaptive bins", "adaptive-avgpool-bins", ((ANY, ""),) * 3)


def ways_to_pad(
    site: Site, image: Sequence[int], size: Sequence[int], stride: Sequence[int]
) -> Iterator[tuple[str, tuple[Pair, ...]]]:
    """Paddings, the likeliest first: stated ones, none, half a window, SAME; each also with the last window over the
    end."""
    rank = len(size)
    as_same = same(image, size, stride, (1,) * rank)
    even = [*paddings(site, rank), ((0, 0),) * rank, *(((p, p),) * rank for p in range(1, max(size) // 2 + 1))]
    ceil = any(side.config.get("ceil_mode") for side in site.sides)
    uneven = [(pair,) * rank for pair in ((0, 1), (1, 0), (2, 0), (0, 2), (1, 2), (2, 1))]
    for padding in [*even, *([] if ceil else [as_same])]:
        alike = all(lo == hi for lo, hi in padding)
        yield (SAME if padding == as_same and not alike else f"padded by {short(padding)}"), padding
    for padding in dict.fromkeys(even):
        over = tuple((lo, hi + beyond(n + lo + hi, k, s)) for n, (lo, hi), k, s in zip(image, padding, size, stride))
        if over != padding and (ceil or over != as_same):
            yield f"padded by {short(padding)}, the last window over the end", over
    yield from ((f"padded by {short(padding)}", padding) for padding in uneven)


def beyond(n: int, k: int, s: int) -> int:
    """How far the last window hangs over the end if there is one more than fits."""
    return (s - (n - k) % s) % s


def product(site: Site, x: Array, order: str, flat: bool) -> Callable[..., Array]:
    @cache
    def activated(before: str, whole: bool) -> Array:
        return MAIN[before](x if whole else x[:1, some(x.shape[1])])

    def make(
        at: Site, activation: str, kind: str, geometry: Geometry | tuple[int, ...], fill: float, count: str
    ) -> Array:
        if (fill == 0.0 and kind == "mean") or ((count != "padding" or activation in BEHIND) and kind == "max"):
            raise ValueError(
                "zeros are of max pools, counts of means; most activations do not change which is the most"
            )
        image = activated(BEFORE[0] if activation in BEHIND else activation, at is site)
        y = (
            pooled(image, kind, geometry, fill, count)
            if isinstance(geometry, Geometry)
            else binned(image, kind, geometry)
        )
        y = MAIN[BEHIND.get(activation, BEFORE[0])](y)
        if at is not site:
            return y.reshape(*y.shape[:2], -1)
        y = behind(y, order)
        return y.reshape(site.first.shape) if flat else y

    return make


def pooled(x: Array, kind: str, geometry: Geometry, fill: float, count: str) -> Array:
    over = tuple(range(-len(geometry.size), 0))
    if kind == "max":
        return np.asarray(windows(x, geometry, fill).max(over))
    total = windows(x, geometry).sum(over)
    if count == "window":
        return np.asarray(total / prod(geometry.size))
    ones = np.ones((1, 1, *x.shape[2:]))
    if count == "padding":
        inner = tuple((lo, min(lo, hi)) for lo, hi in geometry.padding)
        outer = tuple((0, hi - most) for (_, hi), (_, most) in zip(geometry.padding, inner))
        ones = np.pad(ones, [(0, 0), (0, 0), *inner], constant_values=1.0)
        geometry = replace(geometry, padding=outer)
    return np.asarray(total / windows(ones, geometry).sum(over))


def binned(x: Array, kind: str, target: Sequence[int]) -> Array:
    """Bins from floor(i n / m) to ceil((i + 1) n / m) along every axis."""
    for axis, m in enumerate(target, start=2):
        n = x.shape[axis]
        bins = [np.take(x, range(i * n // m, -(-(i + 1) * n // m)), axis) for i in range(m)]
        x = np.concatenate([getattr(part, kind)(axis, keepdims=True) for part in bins], axis)
    return x


def small(site: Site, c: int, order: str, flat: bool) -> Site:
    """A few channels of the first example, as n c (places)."""

    def cut(y: Array) -> Array:
        if flat:
            y = y.reshape(len(y), c, -1) if order == "torch" else np.moveaxis(y.reshape(len(y), -1, c), -1, 1)
        else:
            y = ahead(y, order).reshape(len(y), c, -1)
        return y[:1, some(c)]

    return replace(site, first=cut(site.first), second=cut(site.second))


@family
def last_position(site: Site) -> Iterator[Variant]:
    """Of each sequence the last position, or the last one that a mask keeps."""
    if not alone(site) or site.first.ndim != 2:
        return
    marks = [m for m in site.inputs if m.ndim == 2 and m.dtype.kind in "bif" and np.all((m == 0) | (m == 1))]
    for x in (x for x in floats(site) if x.ndim == 3 and (len(x), x.shape[2]) == site.first.shape):
        for mask in (m for m in marks if m.shape == x.shape[:2] and m.any(1).all()):
            last, kept = np.full(len(x), -1), mask.astype(int).cumsum(1).argmax(1)
            yield Variant((), "the last position", partial(pick, x, last), "last", "last-token-padding")
            yield Variant((), "the last one not padded", partial(pick, x, kept), "last kept", "last-token-padding")


def pick(x: Array, at: Array) -> Array:
    return np.asarray(x[np.arange(len(x)), at])
