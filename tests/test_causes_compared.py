"""Two vectors of each example compared."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.cause_scenes import assert_named, assert_nothing_claimed, named, sites

RNG = np.random.default_rng(3)
A, B, C = (RNG.standard_normal((4, 6)) for _ in range(3))


def unit(x, axis=1, order=2):
    return x / jnp.linalg.norm(x, order, axis, keepdims=True)


ROWS = {
    "no absolute value": ("comparison-other", lambda a, b: (a - b).abs(), lambda a, b: a - b),
    "squares": ("comparison-other", lambda a, b: (a - b).abs(), lambda a, b: (a - b) ** 2),
    "a product": ("comparison-other", lambda a, b: (a - b).abs(), lambda a, b: a * b),
    "a sum": ("comparison-other", lambda a, b: a * b, lambda a, b: a + b),
    "squares, summed": (
        "comparison-other",
        lambda a, b: F.pairwise_distance(a, b, eps=0),
        lambda a, b: ((a - b) ** 2).sum(1),
    ),
    "their mean": ("comparison-other", lambda a, b: ((a - b) ** 2).sum(1), lambda a, b: ((a - b) ** 2).mean(1)),
    "a factor": ("scale-constant", lambda a, b: (a - b).abs(), lambda a, b: 0.7 * jnp.abs(a - b)),
    "no lengths": (
        "normalize-missing",
        lambda a, b: (F.normalize(a) - F.normalize(b)).abs(),
        lambda a, b: jnp.abs(a - b),
    ),
    "a similarity of no lengths": (
        "normalize-missing",
        lambda a, b: F.normalize(a) @ F.normalize(b).T,
        lambda a, b: a @ b.T,
    ),
    "one of the lengths": (
        "normalize-missing",
        lambda a, b: F.normalize(a) @ F.normalize(b).T,
        lambda a, b: unit(a) @ b.T,
    ),
    "another axis": (
        "normalize-axis",
        lambda a, b: F.normalize(a) @ F.normalize(b).T,
        lambda a, b: unit(a, 0) @ unit(b, 0).T,
    ),
    "another norm": (
        "normalize-order",
        lambda a, b: (F.normalize(a) - F.normalize(b)).abs(),
        lambda a, b: jnp.abs(unit(a, order=1) - unit(b, order=1)),
    ),
    "squared lengths": (
        "normalize-order",
        lambda a, b: 14.3 * F.normalize(a) @ F.normalize(b).T,
        lambda a, b: 14.3 * (a / (a * a).sum(1, keepdims=True)) @ (b / (b * b).sum(1, keepdims=True)).T,
    ),
    "behind an activation": (
        "activation-missing",
        lambda a, b: (F.normalize(a) - F.normalize(b)).abs(),
        lambda a, b: jnp.abs(unit(jnp.maximum(a, 0)) - unit(jnp.maximum(b, 0))),
    ),
}


@pytest.mark.parametrize(("cause", "one", "other"), ROWS.values(), ids=ROWS)
def test_the_comparison_is_named(cause, one, other):
    assert_named(cause, one, other, A, B)


def test_another_vector():
    assert_named("value-from-elsewhere", lambda a, b, c: (a - b).abs(), lambda a, b, c: jnp.abs(a - c), A, B, C)


def test_a_difference_for_a_sum_is_no_comparison():
    for site in sites(lambda a, b: a + b, lambda a, b: a - b, A, B):
        assert "comparison-other" not in named(site)


OUTSIDE = {
    "cubed": lambda a, b: jnp.abs(a - b) ** 3,
    "a root": lambda a, b: jnp.abs(a - b) ** 0.5,
    "one feature": lambda a, b: jnp.abs(a - b.at[:, 2].multiply(2)),
}


@pytest.mark.parametrize("other", OUTSIDE.values(), ids=OUTSIDE)
def test_nothing_is_claimed_of_others(other):
    assert_nothing_claimed(lambda a, b: torch.abs(a - b), other, A, B)
