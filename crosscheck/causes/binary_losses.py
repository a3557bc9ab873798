"""Losses of probabilities of yes and no, of distributions, and of counts.

l = -(w t log s(x) + (1 - t) log(1 - s(x)))          KL = sum p (log p - log q)
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import expit, gammaln

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.losses import TORCH, between, given, one, pairs, ways
from crosscheck.causes.site import Site
from crosscheck.causes.sources import sources
from crosscheck.causes.sums import broadcasts
from crosscheck.causes.variant import Variant, family

cause(
    "bce-log-clamp",
    "loss",
    "the logarithms of probabilities of 0 and 1 are bounded differently",
    "F.binary_cross_entropy: log p is at least -100",
    "-(t log p + (1 - t) log(1 - p)), perhaps of jnp.clip(p, 1e-7, 1 - 1e-7)",
    "p.clamp(1e-7, 1 - 1e-7)",
    "jnp.maximum(jnp.log(p), -100)",
    TORCH + "BCELoss.html",
)
cause(
    "bce-pos-weight",
    "loss",
    "positive examples are weighted on one side",
    "F.binary_cross_entropy_with_logits(pos_weight=w)",
    "optax.sigmoid_binary_cross_entropy: no such weight",
    "pos_weight=None",
    "(1 - t) * x + (1 + (w - 1) * t) * jax.nn.softplus(-x)",
    TORCH + "BCEWithLogitsLoss.html",
)
cause(
    "bce-of-scores",
    "loss",
    "scores are taken for probabilities, or the sigmoid is applied twice",
    "F.binary_cross_entropy takes probabilities, ..._with_logits scores",
    "optax.sigmoid_binary_cross_entropy takes scores",
    "F.binary_cross_entropy_with_logits(scores, t)",
    "optax.sigmoid_binary_cross_entropy(scores, t)",
    TORCH + "BCEWithLogitsLoss.html",
)
cause(
    "focal-loss-alpha-reduction",
    "loss",
    "the focal losses have other alphas or gammas, or one side has none",
    "torchvision.ops.sigmoid_focal_loss: alpha = 0.25, gamma = 2",
    "optax.sigmoid_focal_loss: alpha=None, gamma = 2",
    "alpha=-1 for none",
    "alpha=0.25",
    "https://docs.pytorch.org/vision/stable/generated/torchvision.ops.sigmoid_focal_loss.html",
)
cause(
    "kldiv-reduction",
    "loss",
    "the divergence is divided by the number of elements on one side, by that of examples on the other",
    "F.kl_div(reduction='mean'): divided by all elements",
    "optax.kl_divergence: the sum over classes, for each example",
    "reduction='batchmean'",
    "optax.kl_divergence(log_q, p).mean() / p.shape[-1]",
    TORCH + "KLDivLoss.html",
)
cause(
    "kldiv-argument-order",
    "loss",
    "the divergence is taken the other way round: KL(p, q) against KL(q, p)",
    "F.kl_div(log q, p) = sum p (log p - log q)",
    "optax.kl_divergence(log_q, p): the same; scipy.special.rel_entr(p, q)",
    "F.kl_div(log p, q)",
    "optax.kl_divergence(log_p, q)",
    TORCH + "KLDivLoss.html",
)
cause(
    "poisson-nll-stirling",
    "loss",
    "one side leaves out the term log t! of the Poisson likelihood, or takes rates for their logarithms",
    "F.poisson_nll_loss: exp(x) - t x",
    "-jax.scipy.stats.poisson.logpmf(t, exp(x)): + log t!",
    "+ torch.lgamma(t + 1)",
    "- jax.scipy.special.gammaln(t + 1)",
    TORCH + "PoissonNLLLoss.html",
)
cause(
    "gaussian-nll-constant",
    "loss",
    "one side leaves out the constant log(2 pi)/2 of the Gaussian likelihood",
    "F.gaussian_nll_loss(full=False): (log v + d^2/v)/2",
    "-jax.scipy.stats.norm.logpdf: + log(2 pi)/2",
    "full=True",
    "- 0.5 * jnp.log(2 * jnp.pi)",
    TORCH + "GaussianNLLLoss.html",
)
cause(
    "dice-smooth",
    "loss",
    "the dice losses differ in what is added to numerator and denominator, or square the probabilities",
    "1 - (2 sum p t + s)/(sum p + sum t + s)",
    "1 - 2 sum p t/(sum p^2 + sum t^2 + s)",
    "the same s, and squares on both sides or on neither",
    "the same s, and squares on both sides or on neither",
    "https://arxiv.org/abs/1606.04797",
)

SCORES, PROBABILITIES, TWICE = "binary cross entropy of scores", "of probabilities", "of scores, sigmoid twice"
between("bce-of-scores", SCORES, PROBABILITIES, TWICE)


@family
def binary(site: Site) -> Iterator[Variant]:
    if not given(site):
        return
    for x, t in pairs(site):
        if t.min() < 0 or t.max() > 1:
            continue
        plain = (("no weight", "bce-pos-weight"), ("", "focal-loss-alpha-reduction"))
        for name, losses in (
            (SCORES, np.logaddexp(0, -x) * t + np.logaddexp(0, x) * (1 - t)),
            (TWICE, np.logaddexp(0, -expit(x)) * t + np.logaddexp(0, expit(x)) * (1 - t)),
        ):
            yield from ways(site, losses, name, more=plain)
        for w in positive_weights(site, x):
            losses = w * np.logaddexp(0, -x) * t + np.logaddexp(0, x) * (1 - t)
            yield from ways(site, losses, SCORES, more=(("weighted", "bce-pos-weight"), plain[1]))
        yield from focal(site, x, t)
        if x.min() >= 0 and x.max() <= 1:
            yield from of_probabilities(site, x, t)


def positive_weights(site: Site, x: Array) -> list[Array]:
    every = (*sources(site), *site.weights.values(), *site.buffers.values())
    return [w for w in every if w.dtype.kind == "f" and w.shape != x.shape and broadcasts(w.shape, x.shape)]


def focal(site: Site, x: Array, t: Array) -> Iterator[Variant]:
    p, plain = expit(x), np.logaddexp(0, -x) * t + np.logaddexp(0, x) * (1 - t)
    for gamma in (2.0, 1.0, 0.0, 3.0, 5.0, 1.5):
        for alpha in (None, 0.25, 0.75, 0.5):
            weight = 1.0 if alpha is None else alpha * t + (1 - alpha) * (1 - t)
            losses = weight * plain * (1 - (p * t + (1 - p) * (1 - t))) ** gamma
            words = f"focal, alpha {alpha}, gamma {gamma:g}"
            more = (("no weight", "bce-pos-weight"), (words, "focal-loss-alpha-reduction"))
            if gamma or alpha is not None:
                yield from ways(site, losses, SCORES, more=more)


def of_probabilities(site: Site, p: Array, t: Array) -> Iterator[Variant]:
    bounded = {"log at least -100": np.maximum(np.log(p), -100), "no bound": np.log(p)}
    others = {"log at least -100": np.maximum(np.log(1 - p), -100), "no bound": np.log(1 - p)}
    for eps in (1e-7, 1e-6, 1e-8, 1e-12, 1e-15, 1e-5):
        clipped = np.clip(p, eps, 1 - eps)
        bounded[f"p clipped at {eps:g}"], others[f"p clipped at {eps:g}"] = np.log(clipped), np.log(1 - clipped)
        bounded[f"log(p + {eps:g})"], others[f"log(p + {eps:g})"] = np.log(p + eps), np.log(1 - p + eps)
    for words, log in bounded.items():
        more = (("no weight", "bce-pos-weight"), ("", "focal-loss-alpha-reduction"), (words, "bce-log-clamp"))
        yield from ways(site, -(t * log + (1 - t) * others[words]), PROBABILITIES, more=more)


@family
def divergences(site: Site) -> Iterator[Variant]:
    """Between distributions along the last axis, given as probabilities or their logarithms."""
    if not given(site):
        return
    for q, p in pairs(site):
        logs = [is_log(v) for v in (q, p)]
        if not (logs[0] or is_probability(q)) or not (logs[1] or is_probability(p)):
            continue
        log_q, log_p = (v if log else np.log(v) for v, log in zip((q, p), logs))
        each = np.exp(log_p) * (log_p - log_q)
        words = "KL(second, first)" if first_is(site, q) else "KL(first, second)"
        yield from ways(site, each, words, "kldiv-argument-order", reduction="kldiv-reduction")


def first_is(site: Site, q: Array) -> bool:
    every = [x for x in site.inputs if x.shape == q.shape]
    return bool(every) and np.array_equal(every[0], q)


def is_probability(x: Array) -> bool:
    return bool((x >= 0).all() and np.abs(x.sum(-1) - 1).max() < 1e-6)


def is_log(x: Array) -> bool:
    return bool((x <= 1e-9).all() and np.abs(np.exp(x).sum(-1) - 1).max() < 1e-6)


@family
def likelihoods(site: Site) -> Iterator[Variant]:
    """Of counts under Poisson rates; of numbers under a Gaussian with given variances."""
    if not given(site):
        return
    for x, t in pairs(site):
        if (t >= 0).all() and x.max() < 50:
            for name, losses in (
                ("exp(x) - t x", np.exp(x) - t * x),
                ("exp(x) - t x + log t!", np.exp(x) - t * x + gammaln(t + 1)),
                ("x - t log x", x - t * np.log(x + 1e-8)),
            ):
                yield from ways(site, losses, name, "poisson-nll-stirling")
        for v in (v for v in sources(site) if v.shape == x.shape and v.dtype.kind == "f" and (v > 0).all()):
            losses = 0.5 * (np.log(np.maximum(v, 1e-6)) + (x - t) ** 2 / np.maximum(v, 1e-6))
            for name, constant in (("no constant", 0.0), ("log(2 pi)/2 added", 0.5 * np.log(2 * np.pi))):
                yield from ways(site, losses + constant, f"Gaussian, {name}", "gaussian-nll-constant")


@family
def dice(site: Site) -> Iterator[Variant]:
    if not given(site) or site.first.shape != ():
        return
    for p, t in pairs(site):
        if min(p.min(), t.min()) < 0 or max(p.max(), t.max()) > 1:
            continue
        for squares, s, above in (
            (q, s, a) for q in (False, True) for s in (1.0, 0.0, 1e-6, 1e-5, 1e-7) for a in (1, 0)
        ):
            below = (p * p).sum() + (t * t).sum() if squares else p.sum() + t.sum()
            made = 1 - (2 * (p * t).sum() + s * above) / (below + s)
            words = f"dice, {'squares, ' * squares}{s:g} added {'above and ' * above}below"
            yield from one(site, np.asarray(made), words, words, "dice-smooth")
