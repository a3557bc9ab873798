"""Losses of differences and of angles.

squared (x - t)^2          Huber d^2/2 for |d| < delta, else delta (|d| - delta/2)          smooth L1 = Huber / beta
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.losses import OPTAX, TORCH, between, floating, given, one, pairs, ways
from crosscheck.causes.site import Site
from crosscheck.causes.variant import Variant, family

cause(
    "mse-l2-half",
    "loss",
    "one side has half the square of the difference",
    "F.mse_loss: (x - t)^2",
    "optax.l2_loss: (x - t)^2 / 2; optax.squared_error without the half",
    "0.5 * F.mse_loss(x, t)",
    "optax.squared_error(x, t).mean()",
    OPTAX,
)
cause(
    "smooth-l1-beta",
    "loss",
    "smooth L1 and Huber loss differ by the factor beta, or their betas do",
    "F.smooth_l1_loss(beta=b): d^2/(2 b) for |d| < b, else |d| - b/2; F.huber_loss(delta=b): b times that",
    "optax.huber_loss(delta=b): d^2/2 for |d| < b, else b (|d| - b/2)",
    "F.huber_loss(x, t, delta=b)",
    "optax.huber_loss(x, t, delta=b) / b",
    TORCH + "SmoothL1Loss.html",
)
cause(
    "rmse-for-mse",
    "loss",
    "one side has the root of the mean of squares",
    "F.mse_loss(x, t)",
    "jnp.sqrt(jnp.mean((x - t)**2))",
    "F.mse_loss(x, t).sqrt()",
    "optax.squared_error(x, t).mean()",
    TORCH + "MSELoss.html",
)
cause(
    "cosine-distance",
    "loss",
    "one side has the cosine, the other 1 - cosine or its negative",
    "F.cosine_similarity(x, t)",
    "optax.cosine_distance(x, t) = 1 - cosine",
    "1 - F.cosine_similarity(x, t)",
    "optax.cosine_similarity(x, t)",
    OPTAX,
)
cause(
    "cosine-similarity-eps",
    "loss",
    "vectors of length zero: the eps under the cosine differs",
    "F.cosine_similarity: x t / (max(|x|, eps) max(|t|, eps)), eps = 1e-8",
    "optax.cosine_similarity: x t / sqrt(max(|x|^2, e) max(|t|^2, e)), epsilon = 0",
    "eps=epsilon**0.5",
    "epsilon=eps**2, 1e-16 for torch's default",
    TORCH + "functional.cosine_similarity.html",
)
cause(
    "triplet-eps",
    "loss",
    "eps enters the distances of a triplet differently, or the margin differs",
    "F.triplet_margin_loss: |x - y + eps|, eps = 1e-6",
    "optax.triplet_margin_loss: (sum |x - y|^2 + eps)^(1/2)",
    "torch.sqrt(((x - y)**2).sum(-1) + 1e-6), by hand",
    "jnp.linalg.norm(x - y + 1e-6, axis=-1), by hand",
    TORCH + "TripletMarginLoss.html",
)
cause(
    "triplet-margin",
    "loss",
    "the margins differ",
    "F.triplet_margin_loss(margin=1.0)",
    "optax.triplet_margin_loss(margin=1.0)",
    "margin=...",
    "margin=...",
    TORCH + "TripletMarginLoss.html",
)

DELTAS = (1.0, 0.5, 0.1, 1 / 9, 2.0, 0.05, 0.01, 5.0, 10.0)
SQUARED, HALF_SQUARED, ROOT = "(x - t)^2", "(x - t)^2 / 2", "root of the mean of (x - t)^2"


def huber(d: Array, delta: float) -> Array:
    a = np.abs(d)
    return np.where(a < delta, 0.5 * a * a, delta * (a - 0.5 * delta))


def kernels(d: Array) -> dict[str, Array]:
    found = {SQUARED: d * d, HALF_SQUARED: 0.5 * d * d, "|x - t|": np.abs(d)}
    found["log cosh(x - t)"] = np.logaddexp(d, -d) - np.log(2)
    found |= {f"Huber loss, delta {b:.4g}": huber(d, b) for b in DELTAS}
    return found | {f"smooth L1, beta {b:.4g}": huber(d, b) / b for b in DELTAS if b != 1}


between("rmse-for-mse", SQUARED, ROOT)
between("mse-l2-half", SQUARED, HALF_SQUARED)
between("smooth-l1-beta", *(f"{kind} {b:.4g}" for b in DELTAS for kind in ("Huber loss, delta", "smooth L1, beta")))


@family
def differences(site: Site) -> Iterator[Variant]:
    if not given(site):
        return
    for x, t in pairs(site):
        for name, losses in kernels(x - t).items():
            yield from ways(site, losses, name)
        root = np.sqrt(np.mean((x - t) ** 2))
        yield from one(site, root, ROOT, ROOT, "loss-other", (("the mean", "loss-reduction"),))


@family
def angles(site: Site) -> Iterator[Variant]:
    """Cosines along the last axis."""
    if not given(site):
        return
    for x, t in pairs(site):
        lengths = [np.sqrt((v * v).sum(-1)) for v in (x, t)]
        for eps in (1e-8, 0.0, 1e-4, 1e-3, 1e-6, 1e-12):
            cosine = (x * t).sum(-1) / np.prod([np.maximum(n, eps) for n in lengths], axis=0)
            more = ((f"lengths at least {eps:g}", "cosine-similarity-eps"),)
            for name, losses in (("cosine", cosine), ("1 - cosine", 1 - cosine), ("-cosine", -cosine)):
                yield from ways(site, losses, name, "cosine-distance", more)


@family
def triplets(site: Site) -> Iterator[Variant]:
    """max(0, |a - p| - |a - n| + margin)"""
    found = [x for x in floating(site) if x.ndim > 1]
    if not given(site) or len(found) < 3 or len({x.shape for x in found[:3]}) > 1:
        return
    for i, j, k in ((2, 1, 0), (2, 0, 1), (1, 2, 0), (1, 0, 2), (0, 1, 2), (0, 2, 1)):
        for where, eps in (("added", 1e-6), ("inside", 1e-6), ("added", 0.0), ("inside", 1e-12), ("inside", 1e-8)):
            near_, far = (distance(found[i] - found[other], where, eps) for other in (j, k))
            for margin in (1.0, 0.2, 0.5, 0.3, 0.1, 2.0, 0.0):
                losses = np.maximum(near_ - far + margin, 0)
                more = ((f"margin {margin:g}", "triplet-margin"), (f"{i} {j} {k}", ""))
                yield from ways(site, losses, f"triplet loss, eps {eps:g} {where}", "triplet-eps", more)


def distance(d: Array, where: str, eps: float) -> Array:
    return np.asarray(np.sqrt(((d + eps) ** 2).sum(-1)) if where == "added" else np.sqrt((d * d).sum(-1) + eps))
