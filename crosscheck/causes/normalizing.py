"""Normalizing without weights: vectors of length one, standardized features, images by their channels' statistics.

y = x / max(|x|, eps)          y = (x - mean) / (std + eps)          y = (x / 255 - mean) / std
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import combinations

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.changes import comparable
from crosscheck.causes.options import Axis, Option, search
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alike, alone, each
from crosscheck.causes.variant import Variant, family, of

NORMALIZE = "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.normalize.html"
MODELS = "https://docs.pytorch.org/vision/stable/models.html"

cause(
    "normalize-axis",
    "reduction",
    "vectors are brought to length one along different axes",
    "F.normalize(x, dim=1)",
    "x / jnp.linalg.norm(x, axis=-1, keepdims=True)",
    "F.normalize(x, dim=-1)",
    "axis=1, or the axis that torch's dim=1 is in this layout",
    NORMALIZE,
)
cause(
    "normalize-eps",
    "reduction",
    "eps enters a normalization differently, or is another",
    "F.normalize: x / max(|x|, 1e-12)",
    "x / (|x| + eps), x * rsqrt(sum x^2 + eps)",
    "x / (x.norm(dim=-1, keepdim=True) + eps), as JAX has it",
    "x / jnp.maximum(jnp.linalg.norm(x, axis=-1, keepdims=True), 1e-12)",
    NORMALIZE,
)
cause(
    "normalize-missing",
    "reduction",
    "one side normalizes to length one, the other does not",
    "F.normalize(x, dim)",
    "x / jnp.linalg.norm(x, axis=-1, keepdims=True)",
    "F.normalize(x, dim), or leave it out",
    "divide by the norm, or leave it out",
    NORMALIZE,
)
cause(
    "normalize-order",
    "reduction",
    "vectors are normalized by different norms",
    "F.normalize(x, p=2)",
    "x / jnp.linalg.norm(x, ord=1, ...)",
    "F.normalize(x, p=1), as JAX has it",
    "ord=2",
    NORMALIZE,
)
cause(
    "standardize-ddof",
    "reduction",
    "features are standardized with n - 1 on one side, with n on the other",
    "(x - x.mean()) / x.std(): n - 1",
    "(x - x.mean()) / x.std(): n",
    "x.std(correction=0)",
    "x.std(ddof=1)",
    "https://docs.pytorch.org/docs/stable/generated/torch.std.html",
)
cause(
    "input-normalization",
    "reduction",
    "the images are normalized with other means and deviations (or by 255 on one side only)",
    "(x / 255 - mean) / std, mean = (0.485, 0.456, 0.406), std = (0.229, 0.224, 0.225)",
    "x / 127.5 - 1, or x in 0 ... 255 as TensorFlow's EfficientNet takes it",
    "normalize as the net in JAX was trained",
    "normalize as the net in torch was trained",
    MODELS,
)

EPS = (1e-12, 1e-5, 1e-6, 1e-8, 1e-7, 1e-3, 1e-10, 0.0)


@family
def unit_length(site: Site) -> Iterator[Variant]:
    """Along one axis, by the 2-norm or 1-norm, with eps at one of three places, or not at all."""
    if not alone(site) or not comparable(site) or site.first.dtype.kind != "f" or site.first.ndim == 0:
        return
    for source, x in each(site, alike(site)):
        sets = [a for count in (1, 2) for a in combinations(range(x.ndim), count)] + [tuple(range(x.ndim))]
        lengths = [a for a in sets if any(of_length_one(side, a) for side in (site.first, site.second))]
        if lengths:
            axes = [
                Axis("over", [Option(a, f"over {a}") for a in lengths], "normalize-axis"),
                Axis("order", [Option(p, f"by the {p}-norm") for p in (2, 1)], "normalize-order"),
                Axis("eps", [Option(pair, words(*pair)) for pair in PLACES], "normalize-eps"),
            ]
            yield from of(source, search(site, axes, partial(normalized, x), standard="x / |x|"))
            yield Variant((), "x as it is", partial(np.asarray, x), "as it is", "normalize-missing", source=source)


PLACES = [(place, eps) for eps in EPS for place in ("max", "added", "inside") if eps or place == "max"]


def words(place: str, eps: float) -> str:
    return {"max": f"max(|x|, {eps:g})", "added": f"|x| + {eps:g}", "inside": f"sqrt(sum x^2 + {eps:g})"}[place]


def of_length_one(side: Array, axes: tuple[int, ...]) -> bool:
    return any(np.abs(length - 1).max() < 0.2 for length in ((side * side).sum(axes), np.abs(side).sum(axes)))


def normalized(x: Array, _: Site, over: tuple[int, ...], order: int, eps: tuple[str, float]) -> Array:
    place, small = eps
    total = (x * x if order == 2 else np.abs(x)).sum(over, keepdims=True)
    if place == "inside":
        return np.asarray(x / np.sqrt(total + small)) if order == 2 else np.asarray(x / (total + small))
    length = np.sqrt(total) if order == 2 else total
    return np.asarray(x / (np.maximum(length, small) if place == "max" else length + small))


@family
def standardized(site: Site) -> Iterator[Variant]:
    """(x - mean) / std over some axes."""
    if not alone(site) or not comparable(site) or site.first.dtype.kind != "f" or site.first.size > 10**6:
        return
    for source, x in each(site, alike(site)):
        sets = [a for count in range(1, x.ndim + 1) for a in combinations(range(x.ndim), count)]
        for over in (a for a in sets if any(np.abs(s.mean(a)).max() < 1e-6 for s in (site.first, site.second))):
            for ddof in (0, 1):
                for eps in (0.0, 1e-8, 1e-5, 1e-6, 1e-7):
                    make = partial(standard, x, over, ddof, eps)
                    more = ((f"eps {eps:g}", "normalize-eps"), (f"over {over}", "normalize-axis"))
                    says = f"(x - mean) / (std + {eps:g}) over {over}, n{' - 1' * ddof}"
                    yield Variant((), says, make, f"ddof {ddof}", "standardize-ddof", more, source=source)


def standard(x: Array, over: tuple[int, ...], ddof: int, eps: float) -> Array:
    return np.asarray((x - x.mean(over, keepdims=True)) / (x.std(over, ddof=ddof, keepdims=True) + eps))


@family
def images(site: Site) -> Iterator[Variant]:
    """A factor and an offset for each of up to four channels of what the model is given."""
    if not alone(site) or not comparable(site) or site.first.ndim != 4 or site.first.dtype.kind != "f":
        return
    words = [said for said, _ in site.called] or ["the input"] * len(site.inputs)
    for x in (x for x, said in zip(site.inputs, words) if x.shape == site.first.shape and said.startswith("the input")):
        for axis in (i for i in (1, 3) if x.shape[i] <= 4):
            fits = [channels(x, side, axis) for side in (site.first, site.second)]
            if all(f is not None and (f[0] > 0).all() for f in fits) and any(shifts(f) for f in fits if f is not None):
                for which, fit in zip(("first", "second"), fits):
                    if fit is not None:
                        make = partial(applied, x, *fit)
                        yield Variant((), "a factor and an offset by channel", make, which, "input-normalization")


def channels(x: Array, side: Array, axis: int) -> tuple[Array, Array] | None:
    """Factor and offset by channel."""
    over = tuple(i for i in range(4) if i != axis)
    mean, centered = x.mean(over, keepdims=True), x - x.mean(over, keepdims=True)
    spread = (centered**2).sum(over, keepdims=True)
    if not spread.all() or not np.isfinite(side).all():
        return None
    factor = (centered * side).sum(over, keepdims=True) / spread
    offset = side.mean(over, keepdims=True) - factor * mean
    return (factor, offset) if np.allclose(factor * x + offset, side, 1e-9, 1e-12) else None


def shifts(fit: tuple[Array, Array]) -> bool:
    """Whether it is more than one factor for everything."""
    factor, offset = fit
    return bool(np.ptp(factor) > 1e-9 * factor.max() or np.abs(offset).max() > 1e-9)


def applied(x: Array, factor: Array, offset: Array) -> Array:
    return np.asarray(factor * x + offset)
