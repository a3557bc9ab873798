"""Losses: the convention that is changed is named, alone, whichever side it is on."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
import torch.nn.functional as F
from cause_scenes import assert_named, assert_nothing_claimed, named, normal, sites

RNG = np.random.default_rng(7)
X, T, N = normal(9, 5), normal(9, 5, seed=1), normal(9, 5, seed=2)
Y, IGNORED = RNG.integers(0, 5, 9), np.where(np.arange(9) % 4 == 1, -100, RNG.integers(0, 5, 9))
W, P, B = RNG.random(5) + 0.5, RNG.random((9, 5)), (RNG.random((9, 5)) < 0.4).astype(float)
SATURATED = np.where(B * (RNG.random((9, 5)) < 0.5) > 0, 0.0, P)
COUNTS, V = RNG.poisson(3.0, (9, 5)).astype(float), RNG.random((9, 5)) + 0.2
Q, R = (v / v.sum(-1, keepdims=True) for v in RNG.random((2, 9, 5)))

TEXT, LABELS, MASK = normal(4, 6, 5), RNG.integers(0, 5, (4, 6)), np.arange(24).reshape(4, 6) % 6 < [[3], [6], [4], [5]]


def next_token(x, y):
    return F.cross_entropy(x[:, :-1].flatten(0, 1), y[:, 1:].flatten())


def counted(x, y, m):
    return (F.cross_entropy(x.mT, y, reduction="none") * m).sum() / m.sum()


def ce(x, y):
    return optax.losses.softmax_cross_entropy_with_integer_labels(x, y)


def smoothed_over_the_others(x, y):
    onehot = jax.nn.one_hot(y, 5)
    return optax.losses.softmax_cross_entropy(x, 0.9 * onehot + 0.1 / 4 * (1 - onehot)).mean()


def gaussian(x, t, v):
    return -jax.scipy.stats.norm.logpdf(t, x, jnp.sqrt(v)).mean()


def bce(p, t):
    return -(t * jnp.log(p + 1e-7) + (1 - t) * jnp.log(1 - p + 1e-7)).mean()


def dice(s):
    return lambda p, t: 1 - (2 * (p * t).sum() + s) / (p.sum() + t.sum() + s)


ROWS = {
    "loss-reduction": ((X, Y), F.cross_entropy, lambda x, y: ce(x, y).sum()),
    "label-smoothing": ((X, Y), lambda x, y: F.cross_entropy(x, y, label_smoothing=0.1), smoothed_over_the_others),
    "ce-ignore-index": ((X, IGNORED), F.cross_entropy, lambda x, y: (ce(x, jnp.where(y < 0, 0, y)) * (y >= 0)).mean()),
    "ce-class-weights-mean": (
        (X, Y, W),
        lambda x, y, w: F.cross_entropy(x, y, w),
        lambda x, y, w: (w[y] * ce(x, y)).mean(),
    ),
    "ce-class-weights-missing": ((X, Y, W), lambda x, y, w: F.cross_entropy(x, y, w), lambda x, y, w: ce(x, y).mean()),
    "nll-loss-expects-logprob": ((X, Y), F.cross_entropy, lambda x, y: ce(jax.nn.softmax(x), y).mean()),
    "hinge-margin-multiclass": (
        (X, Y),
        F.multi_margin_loss,
        lambda x, y: optax.losses.multiclass_hinge_loss(x, y).mean(),
    ),
    "mse-l2-half": ((X, T), F.mse_loss, lambda x, t: optax.losses.l2_loss(x, t).mean()),
    "smooth-l1-beta": (
        (X, T),
        lambda x, t: F.smooth_l1_loss(x, t, beta=0.5),
        lambda x, t: optax.losses.huber_loss(x, t, delta=0.5).mean(),
    ),
    "rmse-for-mse": ((X, T), F.mse_loss, lambda x, t: jnp.sqrt(((x - t) ** 2).mean())),
    "loss-other": ((X, T), F.mse_loss, lambda x, t: jnp.abs(x - t).mean()),
    "cosine-distance": ((X, T), F.cosine_similarity, optax.losses.cosine_distance),
    "cosine-similarity-eps": (
        (X / 1e4, T / 1e4),
        F.cosine_similarity,
        lambda x, t: optax.losses.cosine_similarity(x, t, epsilon=1e-6),
    ),
    "triplet-eps": (
        (X, T, N),
        F.triplet_margin_loss,
        lambda a, p, n: optax.losses.triplet_margin_loss(a, p, n).mean(),
    ),
    "triplet-margin": (
        (X, T, N),
        F.triplet_margin_loss,
        lambda a, p, n: jax.nn.relu(
            jnp.linalg.norm(a - p + 1e-6, axis=-1) - jnp.linalg.norm(a - n + 1e-6, axis=-1) + 0.5
        ).mean(),
    ),
    "bce-log-clamp": ((SATURATED, B), F.binary_cross_entropy, bce),
    "bce-pos-weight": (
        (X, B, W),
        lambda x, t, w: F.binary_cross_entropy_with_logits(x, t, pos_weight=w),
        lambda x, t, w: optax.losses.sigmoid_binary_cross_entropy(x, t).mean(),
    ),
    "bce-of-scores": (
        (P, B),
        F.binary_cross_entropy,
        lambda p, t: optax.losses.sigmoid_binary_cross_entropy(p, t).mean(),
    ),
    "focal-loss-alpha-reduction": (
        (X, B),
        lambda x, t: (
            (0.25 * t + 0.75 * (1 - t))
            * F.binary_cross_entropy_with_logits(x, t, reduction="none")
            * (1 - (x.sigmoid() * t + (1 - x.sigmoid()) * (1 - t))) ** 2
        ).mean(),
        lambda x, t: optax.losses.sigmoid_focal_loss(x, t).mean(),
    ),
    "kldiv-reduction": ((np.log(Q), R), F.kl_div, lambda q, p: optax.losses.kl_divergence(q, p).mean()),
    "kldiv-argument-order": (
        (np.log(Q), R),
        lambda q, p: F.kl_div(q, p, reduction="batchmean"),
        lambda q, p: optax.losses.kl_divergence(jnp.log(p), jnp.exp(q)).mean(),
    ),
    "poisson-nll-stirling": (
        (X, COUNTS),
        F.poisson_nll_loss,
        lambda x, t: -jax.scipy.stats.poisson.logpmf(t, jnp.exp(x)).mean(),
    ),
    "gaussian-nll-constant": ((X, T, V), F.gaussian_nll_loss, gaussian),
    "dice-smooth": ((P, B), dice(1.0), dice(1e-5)),
    "loss-labels-shifted": ((TEXT, LABELS), next_token, lambda x, y: ce(x, y).mean()),
    "loss-mask-missing": ((TEXT, LABELS, MASK), counted, lambda x, y, m: ce(x, y).mean()),
    "loss-mask-mean": ((TEXT, LABELS, MASK), counted, lambda x, y, m: (ce(x, y) * m).mean()),
}
"""Cause: (what goes in, torch's side, JAX's side)."""


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss")
@pytest.mark.parametrize("cause", ROWS)
def test_the_change_is_named(cause):
    arrays, one, other = ROWS[cause]
    assert_named(cause, one, other, *arrays, target="output")


def test_pixels_are_classified_along_another_axis():
    x, y = normal(2, 5, 3, 4), RNG.integers(0, 5, (2, 3, 4))
    assert_named("loss-reduction", F.cross_entropy, lambda x, y: ce(jnp.moveaxis(x, 1, -1), y).sum() / 2, x, y)


def next_masked(x, y, m):
    return (ce(x[:, :-1], y[:, 1:]) * m[:, 1:]).sum() / m[:, 1:].sum()


@pytest.mark.parametrize(
    ("causes", "other"),
    [
        (["loss-labels-shifted"], lambda x, y, m: ce(x[:, :-1], y[:, :-1]).mean()),
        (["loss-labels-shifted"], lambda x, y, m: ce(x[:, 1:], y[:, 1:]).mean()),
        (["loss-reduction"], lambda x, y, m: ce(x[:, :-1], y[:, 1:]).sum()),
        (["loss-mask-missing"], next_masked),
    ],
)
def test_the_losses_of_the_next_token(causes, other):
    for site in sites(lambda x, y, m: next_token(x, y), other, TEXT, LABELS, MASK):
        assert named(site) == causes


def test_labels_are_found_behind_many_values():
    between = [normal(4, 6, 7, seed=seed) for seed in range(12)]
    for site in sites(lambda y, *v: next_token(v[-1], y), lambda y, *v: ce(v[-1], y).mean(), LABELS, *between, TEXT):
        assert named(site) == ["loss-labels-shifted"]


@pytest.mark.parametrize(
    ("arrays", "one", "other"),
    [
        ((X, Y), F.cross_entropy, lambda x, y: ce(x, y).mean() + 1e-4 * (x**2).mean()),
        ((X, T), F.mse_loss, lambda x, t: (jnp.abs(x - t) ** 1.5).mean()),
        ((X, T), lambda x, t: torch.sin(x - t).sum(), lambda x, t: jnp.tanh(x - t).sum()),
        ((X, B), F.binary_cross_entropy_with_logits, lambda x, t: ((jax.nn.sigmoid(x) - t) ** 2).mean() * 1.01),
    ],
)
def test_of_something_else_nothing_is_claimed(arrays, one, other):
    assert_nothing_claimed(one, other, *arrays, target="output")
