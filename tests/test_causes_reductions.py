"""Reductions and normalizing: what is taken, over which axes, divided by what, is named, alone, either way round."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from cause_scenes import assert_named, assert_nothing_claimed, named, normal, sites

X, SQUARE, IMAGE = normal(4, 6, 10), normal(3, 5, 5), np.random.default_rng(2).random((2, 3, 6, 8))
ROWS = {
    "reduction-mean-sum": (X, lambda x: x.mean(1), lambda x: x.sum(1)),
    "reduction-axes": (SQUARE, lambda x: x.mean(1), lambda x: x.mean(2)),
    "max-for-mean-pooling": (IMAGE, lambda x: x.amax((2, 3)), lambda x: x.mean((2, 3))),
    "token-for-mean-pooling": (X, lambda x: x[:, 0], lambda x: x.mean(1)),
    "variance-ddof": (X, lambda x: x.var(-1), lambda x: x.var(-1)),
    "std-for-variance": (X, lambda x: x.std(-1), lambda x: x.var(-1, ddof=1)),
    "norm-order": (X, lambda x: x.norm(dim=-1), lambda x: jnp.linalg.norm(x, 1, axis=-1)),
    "norm-default-matrix": (SQUARE, lambda x: x.norm(2, dim=(1, 2)), lambda x: jnp.linalg.norm(x, 2, axis=(1, 2))),
    "median-even": (X, lambda x: x.median(-1).values, lambda x: jnp.median(x, -1)),
    "quantile-vs-percentile": (X, lambda x: x.quantile(0.9, -1), lambda x: jnp.percentile(x, 0.9, -1)),
    "logsumexp-for-max": (X, lambda x: x.logsumexp(-1), lambda x: x.max(-1)),
    "reduction-other": (X, lambda x: x.prod(-1), lambda x: x.sum(-1)),
    "normalize-axis": (X, lambda x: F.normalize(x, dim=1), lambda x: x / jnp.linalg.norm(x, axis=-1, keepdims=True)),
    "normalize-eps": (
        X / 100,
        lambda x: F.normalize(x, dim=-1),
        lambda x: x / jnp.sqrt((x * x).sum(-1, keepdims=True) + 1e-5),
    ),
    "normalize-missing": (X, lambda x: F.normalize(x, dim=-1), lambda x: x),
    "normalize-order": (
        X,
        lambda x: F.normalize(x, dim=-1),
        lambda x: x / jnp.linalg.norm(x, 1, axis=-1, keepdims=True),
    ),
    "standardize-ddof": (X, lambda x: (x - x.mean()) / x.std(), lambda x: (x - x.mean()) / x.std()),
    "input-normalization": (
        IMAGE,
        lambda x: (x - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / 0.225,
        lambda x: x / 0.5 - 1,
    ),
}
"""Cause: (the value, torch's side, JAX's side)."""


@pytest.mark.parametrize("cause", ROWS)
def test_the_change_is_named(cause):
    x, one, other = ROWS[cause]
    assert_named(cause, one, other, x)


def test_places_that_a_mask_leaves_out():
    mask = np.random.default_rng(3).random((4, 6)) < 0.6
    for site in sites(
        lambda m, x: x[m].mean(0), lambda m, x: (x * m[..., None]).sum((0, 1)) / m.size, mask, X, target="output"
    ):
        assert named(site) == ["loss-mean-masked"]


IDS = np.array([[3, 1, 2, 0, 0, 0], [2, 2, 1, 0, 2, 1], [4, 5, 1, 3, 1, 0]])


def mean_of(x, kept):
    """Over positions, of what is kept."""
    kept = kept[..., None]
    return (x * kept).sum(1) / kept.sum(1)


KEPT = {
    "another index": ("mask-other-index", lambda x, ids: mean_of(x, ids != 1)),
    "the other way": ("mask-inverted", lambda x, ids: mean_of(x, ids == 0)),
    "all": ("loss-mean-masked", lambda x, ids: x.mean(1)),
    "the number of all": ("loss-mean-masked", lambda x, ids: (x * (ids != 0)[..., None]).sum(1) / x.shape[1]),
    "their sum": ("reduction-mean-sum", lambda x, ids: (x * (ids != 0)[..., None]).sum(1)),
}


@pytest.mark.parametrize(("cause", "other"), KEPT.values(), ids=KEPT)
def test_the_mean_of_what_is_no_padding(cause, other):
    x, ids = X[:3], IDS[:3]
    assert_named(cause, lambda x, ids: mean_of(x, ids != 0), other, x, ids)


def test_the_mean_of_another_value():
    other = normal(*X.shape, seed=9)
    assert_named("value-from-elsewhere", lambda x, y: x.mean(-1), lambda x, y: y.mean(-1), X, other)


@pytest.mark.parametrize(
    ("axis", "over", "shapes"),
    [(1, (2, 3), [(3, 6, 5, 4), (3, 7, 5, 4)]), (-1, (1, 2), [(3, 5, 4, 6), (3, 5, 4, 7)])],
    ids=["channels first", "channels last"],
)
def test_the_reduction_of_values_that_are_put_together(axis, over, shapes):
    assert_named(
        "max-for-mean-pooling",
        lambda *values: torch.cat(values, axis).amax(over),
        lambda *values: jnp.concatenate(values, axis).mean(over),
        *(normal(*shape, seed=seed) for seed, shape in enumerate(shapes)),
    )


def test_one_of_the_reductions_that_are_put_together():
    """An attention map of the mean and the maximum over channels: the part that differs has one channel."""
    assert_named(
        "max-for-mean-pooling",
        lambda x: torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1),
        lambda x: jnp.concatenate([x.mean(1, keepdims=True)] * 2, 1),
        normal(3, 6, 5, 4),
    )


@pytest.mark.parametrize(
    "other",
    [
        lambda x: jnp.sum(x * x, -1) ** 0.3,
        lambda x: jax.nn.softmax(x).max(-1),
        lambda x: x.mean(-1) + 0.01 * x.max(-1),
        lambda x: x[:, :, :7].mean(-1),
    ],
)
def test_of_something_else_nothing_is_claimed(other):
    assert_nothing_claimed(lambda x: x.mean(-1), other, X)
