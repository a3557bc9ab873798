"""Transposed convolutions.

full[n o (s u + d i)] += X[n c u] W[c o i]       every pixel stamps its kernel; then lo pixels are cropped before
W [cin cout/g *k] in torch. Flax has [*k cin cout] and correlates the spread image, so its kernel is turned around; with
transpose_kernel it is [*k cout cin], and not. SAME: (k + s - 2) of padding, the larger half before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.conv import correlated, some, spots
from crosscheck.causes.dense import biases
from crosscheck.causes.options import Axis, Option, search
from crosscheck.causes.site import Site
from crosscheck.causes.variant import BETWEEN, Variant, family
from crosscheck.causes.windows import Geometry, ahead, behind, tuples, windows

TORCH = "https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html"
LAX = "https://docs.jax.dev/en/latest/_autosummary/jax.lax.conv_transpose.html"

cause(
    "convtranspose-kernel-flip",
    "conv/pool",
    "one side stamps the kernel, the other stamps it turned around",
    "ConvTranspose2d, the gradient of Conv2d: stamps the weight as it is",
    "ConvTranspose correlates the spread image, which stamps the kernel turned around; transpose_kernel=True does not",
    "weight.flip((-2, -1))",
    "kernel = weight.transpose(2, 3, 0, 1)[::-1, ::-1], or transpose_kernel=True with transpose(2, 3, 1, 0)",
    "https://github.com/jax-ml/jax/issues/11252",
)
cause(
    "convtranspose-same",
    "conv/pool",
    "one side crops as SAME does, the other as torch with an output padding",
    "padding=p, output_padding=q: crops p before and p - q after",
    "padding='SAME': crops what is over n s, the larger half after",
    "crop by hand: padding=0, then y[..., :h, :w]",
    "padding=((d * (k - 1) - p, d * (k - 1) - p + q), ...)",
    LAX,
)
cause(
    "convtranspose-padding-meaning",
    "conv/pool",
    "the outputs are cropped differently: torch's padding removes pixels, lax's adds them to the spread image",
    "padding=p removes p pixels on both ends, output_padding=q leaves q more at the end",
    "padding=((low, high), ...) is added around the spread image: it removes d (k - 1) - low and d (k - 1) - high",
    "padding = d * (k - 1) - low, output_padding = high - low",
    "padding=((d * (k - 1) - p, d * (k - 1) - p + q), ...)",
    "https://github.com/jax-ml/jax/issues/32267",
)
cause(
    "convtranspose-stride",
    "conv/pool",
    "the strides of the transposed convolutions differ",
    "stride=1 by default",
    "strides=1 by default",
    "stride=...",
    "strides=...",
    TORCH,
)
cause(
    "convtranspose-dilation",
    "conv/pool",
    "the dilations of the transposed kernels differ",
    "dilation=1 by default",
    "kernel_dilation=1 by default",
    "dilation=...",
    "kernel_dilation=...",
    TORCH,
)
cause(
    "convtranspose-groups",
    "conv/pool",
    "the kernels of a grouped transposed convolution are in another order",
    "weight [cin, cout/g, kh, kw]: input channel c belongs to group c // (cin/g)",
    "ConvTranspose has no groups; lax.conv_general_dilated has feature_group_count, kernel [kh, kw, cin/g, cout]",
    "split into g layers, or order the weight as the other side",
    "weight.reshape(g, cin // g, cout // g, kh, kw).transpose(3, 4, 1, 0, 2).reshape(kh, kw, cin // g, cout)",
    TORCH,
)

SAME = "cropped as SAME"
for p in range(17):
    BETWEEN[frozenset((SAME, f"padding {p}"))] = "convtranspose-same"
    for q in range(1, 9):
        BETWEEN[frozenset((SAME, f"padding {p}, output padding {q}"))] = "convtranspose-same"


@dataclass(frozen=True)
class Stamp:
    """Of every spatial axis: stride, dilation and what is cropped before."""

    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    crop: tuple[int, ...]
    out: tuple[int, ...]


@family
def transposed_convolution(site: Site) -> Iterator[Variant]:
    found = stamp(site)
    if found is None:
        return
    kernel, groups = found
    framework = site.sides[0].framework
    x = ahead(site.x, framework)
    sizes = {ahead(y, framework).shape[2:] for y in (site.first, site.second) if y.ndim == x.ndim}
    axes = [
        Axis("kernel", list(kernels(kernel, groups))),
        biases(site, "conv-bias-missing"),
        croppings(site, x.shape[2:], kernel.shape[2:], sizes),
    ]
    yield from search(site, axes, product(site, x, groups), spots(site), "the kernel stamped")


def stamp(site: Site) -> tuple[Array, int] | None:
    """The kernel as [cin cout/g *k], and g; None if this is no transposed convolution."""
    if site.target != "output" or not site.inputs or not any("ConvTranspose" in side.kind for side in site.sides):
        return None
    kernel = next((site.weights[name] for name in ("weight", "kernel", "W", "w") if name in site.weights), None)
    if kernel is None or kernel.ndim < 3 or kernel.ndim != site.x.ndim or site.x.dtype.kind != "f":
        return None
    groups = max([1, *site.settings("groups", "feature_group_count")])
    if site.sides[0].framework == "torch":
        return (kernel, groups) if site.x.shape[1] == len(kernel) and not len(kernel) % groups else None
    spatial = tuple(range(2, kernel.ndim))
    if site.sides[0].config.get("transpose_kernel"):
        return np.moveaxis(kernel, (-1, -2), (0, 1)), 1
    if kernel.shape[-2] * groups != site.x.shape[-1]:
        return None
    cin, cout = kernel.shape[-2:]
    kernel = np.flip(np.moveaxis(kernel, (-2, -1), (0, 1)), spatial)
    by_group = kernel.reshape(cin, groups, cout // groups, *kernel.shape[2:]).swapaxes(0, 1)
    return by_group.reshape(cin * groups, cout // groups, *kernel.shape[2:]), groups


def kernels(kernel: Array, groups: int) -> Iterator[Option]:
    """The kernel as it is, and as it may have been read or changed."""
    size, spatial = kernel.shape[2:], tuple(range(2, kernel.ndim))
    turned = np.flip(kernel, spatial)
    yield Option(kernel)
    if max(size) > 1:
        yield Option(turned, "the kernel turned around", "convtranspose-kernel-flip")
    if len(size) == 2 and size[0] == size[1] > 1:
        yield Option(kernel.swapaxes(2, 3), "height and width of the kernel exchanged", "conv-kernel-hw-swap")
    if kernel.shape[0] == kernel.shape[1] and groups == 1:
        yield Option(kernel.swapaxes(0, 1), "cin and cout exchanged", "conv-kernel-layout")
    if groups > 1:
        by_place = kernel.reshape(groups, -1, *kernel.shape[1:]).swapaxes(0, 1).reshape(kernel.shape)
        back = kernel.reshape(-1, groups, *kernel.shape[1:]).swapaxes(0, 1).reshape(kernel.shape)
        for read in (by_place, back):
            yield Option(read, "input channels by place, then group", "convtranspose-groups")
    fan = len(kernel) // groups * int(np.prod(size))
    for gain, says in ((1.0, "1"), (2**0.5, "sqrt(2)")):
        yield Option(kernel * (gain / np.sqrt(fan)), f"weights times {says}/sqrt({fan})", "dense-equalized-scale")


def croppings(site: Site, image: Sequence[int], size: Sequence[int], sizes: set[tuple[int, ...]]) -> Axis:
    """Strides, dilations and crops; the last only before, since the output has the size it has."""
    rank, found = len(size), []
    strides = [*tuples(site, rank, "stride", "strides"), (2,) * rank, (1,) * rank, tuple(size)]
    dilations = [*tuples(site, rank, "dilation", "kernel_dilation"), (1,) * rank, (2,) * rank]
    for out in sizes:
        for stride in dict.fromkeys(strides):
            for dilation in dict.fromkeys(dilations):
                over = [(n - 1) * s + d * (k - 1) + 1 - m for n, m, k, s, d in zip(image, out, size, stride, dilation)]
                for crop in range(-2, max(over) + 3):
                    way = Stamp(stride, dilation, (crop,) * rank, out)
                    words = cropped(crop, over, way, image, size)
                    parts = (
                        (f"stride {stride}", "convtranspose-stride"),
                        (f"dilation {dilation}", "convtranspose-dilation"),
                        (words, "convtranspose-padding-meaning"),
                    )
                    found.append(Option(way, f"stride {stride[0]}, {words}", "", parts))
    return Axis("geometry", found)


def cropped(crop: int, over: Sequence[int], way: Stamp, image: Sequence[int], size: Sequence[int]) -> str:
    """What a crop is called; `over` is what is cropped in all."""
    after = over[0] - crop
    if crop == after:
        return f"padding {crop}"
    scaled_up = all(m == n * s for n, m, s in zip(image, way.out, way.stride))
    if scaled_up and all(crop == same(k, s, d) for k, s, d in zip(size, way.stride, way.dilation)):
        return SAME
    return f"padding {crop}, output padding {crop - after}" if crop > after else f"{crop} cropped before, {after} after"


def same(k: int, s: int, d: int) -> int:
    """What lax's SAME crops before."""
    width = d * (k - 1) + 1
    before = width - 1 if s > width - 1 else -(-(width + s - 2) // 2)
    return width - 1 - before


def product(site: Site, x: Array, groups: int) -> Callable[..., Array]:
    """The layer for the whole, or, for any other site, at the spots alone: a correlation of the spread image."""
    framework = site.sides[0].framework

    @cache
    def seen(way: Stamp, size: tuple[int, ...], whole: bool) -> Array:
        spread_out = spread(x if whole else x[:1], way.stride)
        widths = [d * (k - 1) for k, d in zip(size, way.dilation)]
        before = [width - lo for width, lo in zip(widths, way.crop)]
        after = [m - 1 + w - n + 1 - b for m, w, n, b in zip(way.out, widths, spread_out.shape[2:], before)]
        geometry = Geometry(size, (1,) * len(size), way.dilation, tuple(zip(before, after)))
        view = windows(spread_out, geometry)
        for axis in () if whole else range(2, x.ndim):
            view = np.take(view, some(view.shape[axis]), axis)
        return view

    def make(at: Site, kernel: Array, bias: Array, geometry: Stamp) -> Array:
        turned = np.flip(kernel, tuple(range(2, kernel.ndim)))
        split = turned.reshape(groups, -1, *turned.shape[1:]).swapaxes(1, 2)
        across = split.reshape(-1, *split.shape[2:])
        channels = list(range(len(across))) if at is site else some(len(across))
        y = correlated(seen(geometry, kernel.shape[2:], at is site), across, groups, channels)
        y = y + (bias[channels] if bias.size > 1 else bias).reshape(1, -1, *[1] * (x.ndim - 2))
        return behind(y, framework)

    return make


def spread(x: Array, stride: Sequence[int]) -> Array:
    """The image with zeros between its pixels."""
    wide = np.zeros((*x.shape[:2], *((n - 1) * s + 1 for n, s in zip(x.shape[2:], stride))), x.dtype)
    wide[(slice(None), slice(None), *(slice(None, None, s) for s in stride))] = x
    return wide
