"""Resizing images: where the pixels of the output lie among those of the input, and how they are mixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, product

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.interpolation import ASYMMETRIC, CORNERS, HALF, NEAREST, area, nearest, smooth
from crosscheck.causes.options import close
from crosscheck.causes.rearranged import channel_axes
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, each, floats
from crosscheck.causes.variant import BETWEEN, Variant, family, of

TORCH = "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html"
JAX = "https://docs.jax.dev/en/latest/_autosummary/jax.image.resize.html"

cause(
    "resize-align-corners",
    "resize",
    "the corner pixels' centers are aligned on one side, the images' edges on the other",
    "F.interpolate(x, align_corners=True): i (n - 1)/(o - 1)",
    "jax.image.resize: (i + 1/2) n/o - 1/2",
    "align_corners=False",
    "jax.image.scale_and_translate, scale = (o - 1)/(n - 1), translation = 1/2 - scale/2",
    "https://github.com/jax-ml/jax/issues/11206",
)
cause(
    "resize-half-pixel",
    "resize",
    "one side reckons from the pixels' corners (i n/o), the other from their centers",
    "F.interpolate(x, mode='bilinear'): (i + 1/2) n/o - 1/2",
    "jax.image.resize: the same; TensorFlow 1's resize: i n/o",
    "grid_sample at i n/o",
    "jax.image.scale_and_translate, translation = 1/2 - scale/2",
    TORCH,
)
cause(
    "resize-antialias-default",
    "resize",
    "one side averages over all pixels that an output covers when it shrinks (antialias), the other does not",
    "F.interpolate(x, mode='bilinear'): antialias=False",
    "jax.image.resize(x, shape, 'bilinear'): antialias=True",
    "antialias=True",
    "antialias=False",
    JAX,
)
cause(
    "resize-nearest-rounding",
    "resize",
    "the nearest pixel is another: reckoned from the pixels' corners on one side, from their centers on the other",
    "mode='nearest': floor(i n/o); mode='nearest-exact': floor((i + 1/2) n/o)",
    "jax.image.resize(x, shape, 'nearest'): floor((i + 1/2) n/o)",
    "mode='nearest-exact'",
    "x[:, jnp.arange(o) * n // o]",
    TORCH,
)
cause(
    "resize-bicubic-a",
    "resize",
    "the bicubic kernels differ: a = -0.75 or -0.5, and what is beyond the border",
    "mode='bicubic': a = -0.75, the border repeated (antialias=True: a = -0.5)",
    "jax.image.resize(x, shape, 'cubic'): a = -0.5, the weights left at the border scaled up",
    "interpolate with a = -0.5 by a matrix of weights",
    "multiply by a matrix of weights with a = -0.75 and clipped indices",
    "https://github.com/jax-ml/jax/issues/15768",
)
cause(
    "resize-method",
    "resize",
    "the images are resized by different methods",
    "F.interpolate: mode='nearest' by default",
    "jax.image.resize(x, shape, method): no default",
    "mode='bilinear', or whichever JAX has",
    "'linear', or whichever torch has",
    TORCH,
)
cause(
    "resize-scale-factor",
    "resize",
    "one side takes the scale that it is given, the other the ratio of the sizes",
    "F.interpolate(x, scale_factor=s): (i + 1/2)/s - 1/2",
    "jax.image.resize(x, shape): o/n",
    "recompute_scale_factor=True, or size=",
    "jax.image.scale_and_translate with the scale s",
    TORCH,
)

cause(
    "resize-elsewhere",
    "resize",
    "one side resizes the images here, the other does not: before or after, or not at all",
    "conv(F.interpolate(x, scale_factor=2))",
    "jax.image.resize(conv(x), shape, 'nearest')",
    "resize where JAX does",
    "resize where torch does",
    "https://distill.pub/2016/deconv-checkerboard/",
)

NEARESTS, CUBICS = tuple(NEAREST), ("cubic, a = -0.75", "cubic, a = -0.5")
BORDERS = ("border repeated", "border left out")
BETWEEN.update({frozenset(pair): "resize-nearest-rounding" for pair in combinations(NEARESTS, 2)})
BETWEEN[frozenset((f"{CUBICS[0]}, {BORDERS[0]}", f"{CUBICS[1]}, {BORDERS[1]}"))] = "resize-bicubic-a"
BETWEEN[frozenset((HALF, CORNERS))] = "resize-align-corners"
BETWEEN.update({frozenset((ASYMMETRIC, kind)): "resize-half-pixel" for kind in (HALF, CORNERS)})
UNSIZED = "not resized"
METHODS = (*NEARESTS, "linear", *(f"{c}, {b}" for c in CUBICS for b in BORDERS), "lanczos", "area")
BETWEEN.update({frozenset((UNSIZED, method)): "resize-elsewhere" for method in METHODS})
SCALES = tuple(k / 20 for k in range(5, 81) if k != 20)


@dataclass(frozen=True)
class Way:
    """How every axis is resized. scale: 0 for the ratio of the sizes."""

    method: str
    kind: str = ""
    antialias: bool = False
    repeat: bool = True
    scale: float = 0.0

    def matrix(self, n: int, o: int) -> Array:
        if self.method in NEAREST:
            return nearest(n, o, self.method, self.scale)
        if self.method == "area":
            return area(n, o)
        return smooth(n, o, self.method, self.kind, self.antialias, self.repeat, self.scale)

    @property
    def choice(self) -> str:
        return f"{self.method}, {BORDERS[not self.repeat]}" if self.method in CUBICS else self.method

    @property
    def more(self) -> tuple[tuple[str, str], ...]:
        return (
            (self.kind or HALF, ""),
            ("antialias" * self.antialias, "resize-antialias-default"),
            (f"scale {self.scale:g}", "resize-scale-factor"),
        )

    def __str__(self) -> str:
        parts = (self.choice, self.kind, "antialias" * self.antialias, f"scale {self.scale:g}" * bool(self.scale))
        return ", ".join(part for part in parts if part)


def ways(image: Sequence[int], out: Sequence[int]) -> Iterator[Way]:
    yield from map(Way, NEARESTS)
    for kind, antialias in product((HALF, CORNERS, ASYMMETRIC), (False, True)):
        yield Way("linear", kind, antialias, not antialias)
        borders = (False,) if antialias else (True, False)
        yield from (Way(method, kind, antialias, repeat) for method in CUBICS for repeat in borders)
    yield from (Way("lanczos", HALF, antialias, False) for antialias in (True, False))
    for scale in SCALES:
        if all(int(n * scale + 1e-9) == o for n, o in zip(image, out)) and scale * image[0] != out[0]:
            yield Way("linear", HALF, scale=scale)
            yield from (Way(method, scale=scale) for method in NEARESTS[:2])
    yield Way("area")


@family
def resized(site: Site) -> Iterator[Variant]:
    """A source resized, in every way that makes one side's first channel."""
    if not alone(site) or site.first.ndim not in (3, 4, 5) or site.first.dtype.kind != "f":
        return
    for axis in channel_axes(site):
        sides = [ahead(side, axis) for side in (site.first, site.second)]
        for source, value in each(site, (x for x in floats(site) if x.ndim == site.first.ndim)):
            x = ahead(value, axis)
            yield from of(source, as_it_is(site, x, sides, axis))
            for out in dict.fromkeys(side.shape for side in sides):
                same = [side for side in sides if side.shape == out]
                if x.shape[:2] == out[:2] and x.shape != out:
                    yield from of(source, resizings(site, x, same, axis))


def resizings(site: Site, x: Array, sides: Sequence[Array], axis: int) -> Iterator[Variant]:
    size = sides[0].shape[2:]
    for way in ways(x.shape[2:], size):
        made = resize(x[:1, :1], way, size)
        if any(close(site, side[:1, :1], made) for side in sides):
            make = partial(behind, x, way, size, axis)
            yield Variant((), str(way), make, way.choice, "resize-method", way.more)


def as_it_is(site: Site, x: Array, sides: Sequence[Array], axis: int) -> Iterator[Variant]:
    """Not resized, where one side has another size."""
    shapes = {side.shape for side in sides}
    if len(shapes) == 2 and x.shape in shapes and len({shape[:2] for shape in shapes}) == 1:
        yield Variant((), "not resized", partial(np.moveaxis, x, 1, axis), UNSIZED)


def ahead(x: Array, axis: int) -> Array:
    return np.moveaxis(x, axis, 1)


def behind(x: Array, way: Way, out: tuple[int, ...], axis: int) -> Array:
    return np.moveaxis(resize(x, way, out), 1, axis)


def resize(x: Array, way: Way, out: tuple[int, ...]) -> Array:
    for axis, o in enumerate(out, start=2):
        if x.shape[axis] != o:
            x = np.moveaxis(np.tensordot(x, way.matrix(x.shape[axis], o), (axis, 1)), -1, axis)
    return x
