"""What the norms share: Y = (X - mean) / root(var, eps) scale + bias, and the ways to do each part of it.

A norm states its statistics; everything else is the same for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.conv import some
from crosscheck.causes.options import Axis, departures, settings
from crosscheck.causes.site import Site

PAPER = "https://arxiv.org/abs/1502.03167"
NORMALIZE = "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.normalize.html"
NNX = "https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/normalization.html"

cause(
    "norm-eps-outside-root",
    "norm",
    "eps is added to the standard deviation on one side, to the variance on the other",
    "(x - mean) / sqrt(var + eps)",
    "(x - mean) / sqrt(var + eps)",
    "add eps inside the root",
    "add eps inside the root",
    PAPER,
)
cause(
    "norm-eps-floor",
    "norm",
    "one side adds eps under the root, the other only keeps the root from falling below it",
    "F.normalize: x / max(||x||, eps)",
    "RMSNorm: x / sqrt(mean(x^2) + eps)",
    "x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)",
    "x / jnp.maximum(jnp.linalg.norm(x, axis=-1, keepdims=True), eps)",
    NORMALIZE,
)
cause(
    "norm-unbiased-variance",
    "norm",
    "one side divides the squares by n - 1, the other by n",
    "the norm layers divide by n; x.var() and x.std() by n - 1",
    "the norm layers, jnp.var and jnp.std divide by n",
    "x.var(dim, correction=0)",
    "jnp.var(x, axis, ddof=1)",
    "https://docs.pytorch.org/docs/stable/generated/torch.var.html",
)
cause(
    "norm-plus-one-scale",
    "norm",
    "one side multiplies by 1 + scale, the other by the scale",
    "Gemma's RMSNorm: y (1 + weight), weight 0 at the start",
    "RMSNorm: y scale, scale 1 at the start",
    "weight = scale - 1",
    "scale = 1 + weight",
    "https://github.com/huggingface/transformers/blob/main/src/transformers/models/gemma/modeling_gemma.py",
)

Statistics = Callable[..., tuple[Array, Array]]
"""Mean and variance, broadcast against x, under the options that are the norm's own and `unbiased`."""

EPS = (1e-5, 1e-6, 1e-3, 1e-12, 1e-8, 1e-7, 1e-4, 2.0**-52, 2.0**-23, 0.0)


def epsilons(site: Site, otherwise: str) -> Axis:
    """Those that either module states, torch's RMSNorm by None, and others that are common."""
    stated = [*site.settings("eps", "epsilon", "variance_epsilon")]
    unset = [2.0**-52 for side in site.sides if side.kind == "RMSNorm" and side.config.get("eps", 0) is None]
    return settings("eps", [*unset, *stated, *EPS], "eps = {:.6g}".format, otherwise)


def roots() -> Axis:
    return departures(
        "root",
        "inside",
        ("outside", "eps added to the root", "norm-eps-outside-root"),
        ("floor", "the root no less than eps", "norm-eps-floor"),
    )


def corrections() -> Axis:
    return departures("unbiased", False, (True, "squares divided by n - 1", "norm-unbiased-variance"))


def scales(scale: Array | None, extra: Array | None, missing: str) -> Axis:
    """The layer's scale, 1 + it, none; or what only the second's layer has."""
    if scale is None:
        more = [] if extra is None else [(extra, "a scale", missing), (1 + extra, "1 + a scale", missing)]
        return departures("scale", np.ones(()), *more)
    return departures(
        "scale", scale, (np.ones(()), "no scale", missing), (1 + scale, "1 + scale", "norm-plus-one-scale")
    )


def shifts(bias: Array | None, extra: Array | None, missing: str) -> Axis:
    if bias is None:
        return departures("bias", np.zeros(()), *([] if extra is None else [(extra, "a bias", missing)]))
    return departures("bias", bias, (np.zeros(()), "no bias", missing))


def own(values: Mapping[str, Array], *names: str) -> Array | None:
    return next((values[name] for name in names if name in values), None)


def normalizer(site: Site, statistics: Statistics) -> Callable[..., Array]:
    """Makes the norm of the whole, or, for any other site, at the spots alone."""

    def make(at: Site, eps: float, root: str, scale: Array, bias: Array, **mine: Any) -> Array:
        mean, var = statistics(**mine)
        parts = [np.asarray(part) for part in (site.x, mean, var, scale, bias)]
        if at is not site:
            parts = [at_some(part) for part in parts]
        x, mean, var, scale, bias = parts
        return np.asarray((x - mean) / rooted(var, eps, root) * scale + bias)

    return make


def rooted(var: Array, eps: float, root: str) -> Array:
    if root == "inside":
        return np.asarray(np.sqrt(var + eps))
    return np.asarray(np.sqrt(var) + eps if root == "outside" else np.maximum(np.sqrt(var), eps))


def moments(x: Array, over: tuple[int, ...], unbiased: bool) -> tuple[Array, Array]:
    mean = x.mean(over, keepdims=True)
    if unbiased and mean.size == x.size:
        raise ValueError("one element has no unbiased variance")
    return mean, x.var(over, keepdims=True, ddof=int(unbiased))


def small(site: Site) -> Site:
    return replace(site, first=at_some(site.first), second=at_some(site.second))


def at_some(y: Array) -> Array:
    """A few elements along every axis; what is broadcast stays so."""
    for axis, n in enumerate(y.shape):
        y = np.take(y, some(n), axis)
    return y
