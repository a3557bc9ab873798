"""Convolutions.

Y[n o u] = b[o] + sum over c, i of X_pad[n c (s u + d i)] W[o c i]        o sees the input channels of its group
W [cout cin/g *k] in torch, [*k cin/g cout] in flax.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.dense import biases
from crosscheck.causes.kernels import kernels
from crosscheck.causes.options import Axis, Option, departures, search
from crosscheck.causes.site import Site
from crosscheck.causes.variant import BETWEEN, Variant, family
from crosscheck.causes.windows import Geometry, Pair, ahead, behind, paddings, same, tuples, windows

TORCH = "https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html"
NNX = "https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/linear.html"
LAX = "https://docs.jax.dev/en/latest/_autosummary/jax.lax.conv_general_dilated.html"

cause(
    "conv-same-stride2",
    "conv/pool",
    "one side pads as SAME does, an odd pixel after the image; the other pads alike on both ends",
    "Conv2d(..., stride=2, padding=k // 2): k // 2 on both ends",
    "padding='SAME': total = max((ceil(n/s) - 1) s + d (k - 1) + 1 - n, 0), total // 2 before, the rest after",
    "F.pad(x, (0, 1, 0, 1)) for k = 3, s = 2, n even; then padding=0",
    "padding=((1, 1), (1, 1)) for k = 3",
    "https://github.com/google/flax/issues/963",
)
cause(
    "conv-default-padding",
    "conv/pool",
    "one side pads nothing, the other as much as keeps the size",
    "Conv2d(..., padding=0) by default",
    "Conv(..., padding='SAME') by default",
    "padding='same', or padding=k // 2",
    "padding='VALID'",
    NNX,
)
cause(
    "conv-padding",
    "conv/pool",
    "the paddings are of different sizes, or on different ends",
    "padding=p: p on both ends of every axis",
    "padding=((low, high), ...): any on either end",
    "F.pad(x, (left, right, top, bottom)), then padding=0",
    "padding=((p, p), (p, p))",
    LAX,
)
cause(
    "conv-causal-padding",
    "conv/pool",
    "one side pads before the sequence alone (causal), the other on both ends",
    "Conv1d(..., padding=p): both ends",
    "Conv(..., padding='CAUSAL'): d (k - 1) before, none after",
    "F.pad(x, (d * (k - 1), 0)), then padding=0",
    "padding=((p, p),)",
    NNX,
)
cause(
    "conv-padding-mode",
    "conv/pool",
    "the borders are filled with different values: zeros, the edge repeated, its mirror image, the other end",
    "padding_mode='zeros', 'reflect', 'replicate' or 'circular'",
    "zeros; padding='REFLECT' or 'CIRCULAR'",
    "padding_mode=... of the other side",
    "jnp.pad(x, widths, mode='reflect' | 'edge' | 'wrap'), then padding='VALID'",
    TORCH,
)
cause(
    "conv-stride",
    "conv/pool",
    "the strides differ",
    "stride=1 by default",
    "strides=1 by default",
    "stride=...",
    "strides=...",
    NNX,
)
cause(
    "conv-dilation",
    "conv/pool",
    "the dilations of the kernel differ",
    "dilation=1 by default",
    "kernel_dilation=1 by default; input_dilation spreads the image instead",
    "dilation=...",
    "kernel_dilation=...",
    NNX,
)
cause(
    "conv-bias-missing",
    "conv/pool",
    "one side adds no bias",
    "Conv2d(..., bias=True)",
    "Conv(..., use_bias=True)",
    "bias=True on both sides, or on neither",
    "use_bias=True on both sides, or on neither",
    NNX,
)

SAME, CAUSAL = "padding SAME", "causal padding"
for p in range(33):
    BETWEEN[frozenset((SAME, f"padding {p}"))] = "conv-same-stride2" if p else "conv-default-padding"
    BETWEEN[frozenset((CAUSAL, f"padding {p}"))] = "conv-causal-padding"
    if p:
        BETWEEN[frozenset(("padding 0", f"padding {p}"))] = "conv-default-padding"
BETWEEN[frozenset((CAUSAL, SAME))] = "conv-causal-padding"

MODES = {"reflect": "mirrored at the edge pixel", "edge": "the edge repeated", "wrap": "the other end"} | {
    "symmetric": "mirrored with the edge pixel"
}


@family
def convolution(site: Site) -> Iterator[Variant]:
    kernel = weight(site)
    if kernel is None:
        return
    framework = site.sides[0].framework
    x = ahead(site.x, framework)
    if x.shape[1] % kernel.shape[1] or len(kernel) % (x.shape[1] // kernel.shape[1]):
        return
    sizes = {ahead(y, framework).shape[2:] for y in (site.first, site.second) if y.ndim == x.ndim}
    bias = biases(site, "conv-bias-missing")
    axes = [
        Axis("kernel", list(kernels(kernel, x.shape[1] // kernel.shape[1]))),
        bias,
        departures(
            "mode", "constant", *((mode, f"borders {says}", "conv-padding-mode") for mode, says in MODES.items())
        ),
        geometries(site, x.shape[2:], kernel.shape[2:], sizes),
    ]
    make, small = product(site, x), spots(site)
    yield from search(site, axes, make, small, "a correlation with zeros around")


def weight(site: Site) -> Array | None:
    """The kernel as [cout cin/g *k]; None if this is no convolution."""
    kinds = [side.kind for side in site.sides]
    if site.target != "output" or not site.inputs or site.x.dtype.kind != "f" or any("Transpose" in k for k in kinds):
        return None
    if not any("Conv" in kind for kind in kinds):
        return None
    torch = site.sides[0].framework == "torch"
    kernel = next((site.weights[name] for name in ("weight", "kernel", "W", "w") if name in site.weights), None)
    if kernel is None or kernel.ndim < 3 or kernel.ndim != site.x.ndim:
        return None
    return kernel if torch else np.moveaxis(kernel, (-1, -2), (0, 1))


def geometries(
    site: Site, image: Sequence[int], size: Sequence[int], sizes: set[tuple[int, ...]], area: str = "conv"
) -> Axis:
    """Strides, dilations and paddings under which the output has the sizes that it has on either side."""
    rank, found = len(size), []
    strides = [*tuples(site, rank, "stride", "strides"), (1,) * rank, (2,) * rank, tuple(size)]
    dilations = [*tuples(site, rank, "dilation", "kernel_dilation"), (1,) * rank, (2,) * rank]
    for stride in dict.fromkeys(strides):
        for dilation in dict.fromkeys(dilations):
            for says, padding in named_paddings(site, image, size, stride, dilation):
                geometry = Geometry(tuple(size), stride, dilation, padding)
                if geometry.gives(image) in sizes:
                    parts = parts_of(geometry, says, area)
                    found.append(Option(geometry, ", ".join(part for part, _ in parts[::-1]), "", parts))
    return Axis("geometry", list({option.value: option for option in reversed(found)}.values())[::-1])


def parts_of(geometry: Geometry, says: str, area: str) -> tuple[tuple[str, str], ...]:
    stride, dilation = (
        f"{name} {values[0] if len(set(values)) == 1 else values}"
        for name, values in (("stride", geometry.stride), ("dilation", geometry.dilation))
    )
    return (stride, f"{area}-stride"), (dilation, f"{area}-dilation"), (says, f"{area}-padding")


def named_paddings(
    site: Site, image: Sequence[int], size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Iterator[tuple[str, tuple[Pair, ...]]]:
    """Paddings, the likeliest first, each in words."""
    rank = len(size)
    special = {same(image, size, stride, dilation): SAME, causal(size, dilation): CAUSAL}
    numbers = [(p, q) for p in range(max(size) + 1) for q in (p, p + 1, p - 1) if q >= 0]
    numbers += [(0, 2), (2, 0), (0, 3), (3, 0)]
    half = tuple((d * (k - 1) // 2,) * 2 for k, d in zip(size, dilation))
    for padding in [*paddings(site, rank), half, *special, *((pair,) * rank for pair in numbers)]:
        even = all(lo == hi for lo, hi in padding)
        yield (f"padding {short(padding)}" if even else special.get(padding, f"padding {short(padding)}")), padding


def causal(size: Sequence[int], dilation: Sequence[int]) -> tuple[Pair, ...]:
    return tuple((d * (k - 1), 0) for k, d in zip(size, dilation))


def short(padding: Sequence[Pair]) -> str:
    """ "1" for one pixel on every end."""
    one = [lo if lo == hi else (lo, hi) for lo, hi in padding]
    return str(one[0] if len(set(one)) == 1 else tuple(one))


def product(site: Site, x: Array) -> Callable[..., Array]:
    """The convolution of the whole, or, for any other site, of the spots alone."""
    framework = site.sides[0].framework

    @cache
    def seen(geometry: Geometry, mode: str) -> Array:
        view = windows(x[:1], geometry, mode=mode)
        for axis in range(2, x.ndim):
            view = np.take(view, some(view.shape[axis]), axis)
        return np.ascontiguousarray(view)

    def make(at: Site, kernel: Array, bias: Array, mode: str, geometry: Geometry) -> Array:
        whole = at is site
        view = windows(x, geometry, mode=mode) if whole else seen(geometry, mode)
        channels = list(range(len(kernel))) if whole else some(len(kernel))
        y = correlated(view, kernel, x.shape[1] // kernel.shape[1], channels)
        y = y + (bias[channels] if bias.size > 1 else bias).reshape(1, -1, *[1] * (x.ndim - 2))
        return behind(y, framework)

    return make


def correlated(view: Array, kernel: Array, groups: int, channels: Sequence[int]) -> Array:
    """Windows [n c *out *k] with the kernels of some output channels [o c/g *k]."""
    rank, (cout, cin) = kernel.ndim - 2, kernel.shape[:2]
    over = [1, *range(2 + rank, 2 + 2 * rank)], [1, *range(2, 2 + rank)]
    rows = []
    for group in range(groups):
        chosen = [o for o in channels if o * groups // cout == group]
        if chosen:
            rows.append(np.tensordot(view[:, group * cin : (group + 1) * cin], kernel[chosen], over))
    return np.moveaxis(np.concatenate(rows, -1), -1, 1)


def spots(site: Site) -> Site:
    """Of the first example a few channels at a few places: at the border, next to it and in the middle."""
    return replace(site, first=at_spots(site.first), second=at_spots(site.second))


def at_spots(y: Array) -> Array:
    y = y[:1]
    for axis in range(1, y.ndim):
        y = np.take(y, some(y.shape[axis]), axis)
    return y


def some(n: int) -> list[int]:
    return sorted({i for i in (0, 1, n // 2, n - 2, n - 1) if 0 <= i < n})
