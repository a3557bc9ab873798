"""Layer norm and RMS norm.

Y = (X - mean) / sqrt(var + eps) scale + bias        over the last axis of each example
Y = X / sqrt(mean(X^2) + eps) scale                  RMS norm
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.norm_parts import corrections, epsilons, normalizer, own, roots, scales, shifts, small
from crosscheck.causes.options import departures, search, settings
from crosscheck.causes.site import Site
from crosscheck.causes.variant import Variant, family

LAYER = "https://docs.pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html"
RMS = "https://docs.pytorch.org/docs/stable/generated/torch.nn.RMSNorm.html"
NNX = "https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/normalization.html"

cause(
    "layernorm-eps",
    "norm",
    "the layer norms have different eps",
    "LayerNorm(eps=1e-5) by default; BERT has 1e-12",
    "LayerNorm(epsilon=1e-6) by default",
    "eps=1e-6",
    "epsilon=1e-5",
    NNX,
)
cause(
    "rmsnorm-eps",
    "norm",
    "the RMS norms have different eps",
    "RMSNorm(eps=None): finfo(x.dtype).eps, 1.2e-7 in float32",
    "RMSNorm(epsilon=1e-6) by default",
    "eps=1e-6",
    "epsilon=jnp.finfo(x.dtype).eps",
    RMS,
)
cause(
    "rmsnorm-for-layernorm",
    "norm",
    "one side subtracts the mean (layer norm), the other does not (RMS norm)",
    "LayerNorm: (x - mean) / sqrt(var + eps); RMSNorm, T5's LayerNorm: x / sqrt(mean(x^2) + eps)",
    "LayerNorm, RMSNorm: the same formulas",
    "RMSNorm or LayerNorm, as the other side has it",
    "RMSNorm or LayerNorm, as the other side has it",
    "https://arxiv.org/abs/1910.07467",
)
cause(
    "layernorm-multi-axis",
    "norm",
    "the statistics are taken over different axes",
    "LayerNorm((h, c)): the last two axes, weight [h, c]; channels of n c h w are not last",
    "LayerNorm(reduction_axes=-1, feature_axes=-1)",
    "x.movedim(1, -1), LayerNorm(c), back, for channels alone",
    "reduction_axes=(-2, -1), feature_axes=(-2, -1)",
    LAYER,
)
cause(
    "layernorm-no-scale-or-bias",
    "norm",
    "one side lacks the scale or the bias of its layer norm",
    "elementwise_affine=True, bias=True",
    "use_scale=True, use_bias=True",
    "elementwise_affine=..., bias=... as the other side",
    "use_scale=..., use_bias=... as the other side",
    LAYER,
)
cause(
    "rmsnorm-sum-of-squares",
    "norm",
    "one side divides by the length of the vector, the other by its root mean square",
    "F.normalize(x, dim=-1): x / ||x||",
    "RMSNorm: x / sqrt(mean(x^2)), which is sqrt(d) times as much",
    "F.normalize(x, dim=-1) * d**0.5",
    "scale / d**0.5",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.normalize.html",
)

OTHERS = ("Batch", "Group", "Instance", "Weight", "Spectral", "LocalResponse")


@family
def layer_norm(site: Site) -> Iterator[Variant]:
    kinds = [side.kind for side in site.sides]
    if site.target != "output" or not site.inputs or site.x.dtype.kind != "f" or site.x.shape != site.first.shape:
        return
    if not any("Norm" in kind or "RMS" in kind for kind in kinds) or any(o in kind for o in OTHERS for kind in kinds):
        return
    x = site.x
    scale, bias = own(site.weights, "weight", "scale", "gamma", "g"), own(site.weights, "bias", "beta", "b")
    extra, more = own(site.theirs, "weight", "scale", "gamma", "g"), own(site.theirs, "bias", "beta", "b")
    if x.ndim < 2 or any(v is not None and not fits(v, x) for v in (scale, bias)):
        return
    rms = all("RMS" in kind for kind in kinds)
    missing = "layernorm-no-scale-or-bias"

    @cache
    def statistics(center: bool, over: tuple[int, ...], total: bool, unbiased: bool) -> tuple[Array, Array]:
        mean = x.mean(over, keepdims=True) if center else np.zeros((1,) * x.ndim)
        squares = ((x - mean) ** 2).sum(over, keepdims=True)
        return mean, squares if total else squares / (x.size // squares.size - unbiased)

    axes = [
        settings(
            "center", (not rms, rms), lambda on: "mean subtracted" if on else "mean kept", "rmsnorm-for-layernorm"
        ),
        epsilons(site, "rmsnorm-eps" if rms else "layernorm-eps"),
        settings("over", list(reductions(scale, x)), lambda over: f"over axes {over}", "layernorm-multi-axis"),
        roots(),
        corrections(),
        departures("total", False, (True, "squares added up", "rmsnorm-sum-of-squares")),
        scales(scale, extra if fits(extra, x) else None, missing),
        shifts(bias, more if fits(more, x) else None, missing),
    ]
    normalized = normalizer(site, statistics)

    def make(at: Site, over: tuple[int, ...], scale: Array, bias: Array, **rest: Any) -> Array:
        return normalized(at, over=over, scale=along(scale, x, over), bias=along(bias, x, over), **rest)

    yield from search(site, axes, make, small(site), "each example by its own statistics")


def fits(vector: Array | None, x: Array) -> bool:
    """Whether a scale or bias belongs to the last axes, or to one axis."""
    if vector is None:
        return False
    return vector.shape == x.shape[x.ndim - vector.ndim :] or (vector.ndim == 1 and vector.size in x.shape)


def along(vector: Array, x: Array, over: tuple[int, ...] = ()) -> Array:
    """A scale or bias against x: along the one axis that is normalized, else along the last ones if it has their sizes,
    else along the channels."""
    if vector.ndim == 1 and len(over) == 1 and vector.size == x.shape[over[0]]:
        at = over[0] % x.ndim
    elif vector.shape == x.shape[x.ndim - vector.ndim :]:
        return vector
    else:
        at = x.shape.index(vector.size, 1 if vector.size in x.shape[1:] else 0)
    return vector.reshape([-1 if axis == at else 1 for axis in range(x.ndim)])


def reductions(scale: Array | None, x: Array) -> Iterator[tuple[int, ...]]:
    """Axes that a norm may run over: those of its scale, the last, the channels of images, all but the first."""
    if scale is not None:
        shape = along(scale, x).shape
        yield tuple(axis - len(shape) for axis, n in enumerate(shape) if n > 1 or len(shape) == 1) or (-1,)
    yield (-1,)
    yield from (tuple(range(-count, 0)) for count in range(2, x.ndim))
    if x.ndim > 2:
        yield (1 - x.ndim,)
