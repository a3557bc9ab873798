"""Constants, casts, bounds, masks and dropout: each is named, alone, whichever side it is on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from cause_scenes import assert_nothing_claimed, by_jax, by_torch, named, normal, sites

from crosscheck.causes.clues import clues
from crosscheck.causes.site import Side, Site

X, HALVES = normal(5, 6, 16), np.arange(-20, 20).reshape(4, 10) / 2
MASK = np.random.default_rng(1).random((5, 1, 16)) < 0.7
INTS = np.arange(-3, 400, 7)


ROWS = {
    "scale-count": (X, lambda x: torch.sin(x.sum(1)), lambda x: jnp.sin(x.sum(1)) / 6),
    "scale-unbiased": (X, lambda x: torch.sin(x), lambda x: jnp.sin(x) * 16 / 15),
    "sign-flipped": (X, lambda x: torch.sin(x), lambda x: -jnp.sin(x)),
    "offset-constant": (X, lambda x: torch.sin(x), lambda x: jnp.sin(x) + 0.5),
    "dtype-narrowed": (X, lambda x: x.bfloat16().double(), lambda x: x),
    "round-half-even": (HALVES, torch.round, lambda x: jnp.floor(x + 0.5)),
    "rounding-direction": (X * 3, torch.trunc, jnp.floor),
    "rounding-missing": (X * 3, torch.round, lambda x: x),
    "clamp-missing": (X, lambda x: torch.sin(x).clamp(-0.4, 0.7), jnp.sin),
    "activation-missing": (X, lambda x: torch.relu(torch.sin(x)), jnp.sin),
    "nan-replaced": (X - np.where(MASK, 0, np.nan), torch.nan_to_num, lambda x: x),
    "index-offset": (INTS, lambda x: x + 1, lambda x: x),
    "int-overflow-wrap": (INTS, lambda x: x.to(torch.uint8).long(), lambda x: x),
    "causal-mask-offset": (
        normal(2, 7, 7),
        lambda x: x.masked_fill(torch.ones(7, 7).triu(1) > 0, -1e9),
        lambda x: jnp.where(jnp.triu(jnp.ones((7, 7))) > 0, -1e9, x),
    ),
    "mask-missing": (
        normal(2, 7, 7),
        lambda x: x.masked_fill(torch.ones(7, 7).triu(1) > 0, -1e9),
        lambda x: x,
    ),
    "mask-fill-value": (
        normal(2, 7, 7),
        lambda x: torch.sin(x).masked_fill(torch.ones(7, 7).triu(1) > 0, float("-inf")),
        lambda x: jnp.where(jnp.triu(jnp.ones((7, 7)), 1) > 0, -1e9, jnp.sin(x)),
    ),
}
"""Cause: (the value, torch's side, JAX's side)."""


@pytest.mark.parametrize("cause", ROWS)
def test_the_change_is_named(cause):
    x, one, other = ROWS[cause]
    for site in sites(one, other, x):
        assert named(site) == [cause]


def test_of_four_examples_a_half_is_no_width():
    for site in sites(lambda x: torch.sin(x), lambda x: jnp.sin(x) / 2, normal(4, 5, 7)):
        assert named(site) == ["scale-constant"]


def test_a_width_is_that_of_any_axis_but_the_first():
    for site in sites(lambda x: torch.sin(x), lambda x: jnp.sin(x) / 5**0.5, normal(4, 5, 7)):
        assert named(site) == ["scale-sqrt-width"]


@pytest.mark.parametrize("size", [6, 16])
def test_where_nothing_is_summed_a_size_is_no_count(size):
    for site in sites(lambda x: torch.sin(x), lambda x: jnp.sin(x) / size, X):
        assert named(site) == ["scale-constant"]


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_of_a_batch_of_two_a_half_is_no_count(factor):
    for site in sites(lambda x: torch.sin(x), lambda x: jnp.sin(x) * factor, normal(2, 5, 7)):
        assert named(site) == ["scale-constant"]


@pytest.mark.parametrize(
    ("cause", "other"),
    [
        ("mask-inverted", lambda x, m: jnp.where(m, -1e9, x)),
        ("mask-fill-value", lambda x, m: jnp.where(m, x, -jnp.inf)),
        ("mask-missing", lambda x, m: x),
    ],
)
def test_a_mask_that_is_handed_over(cause, other):
    for site in sites(lambda x, m: torch.where(m, x, -1e9), other, X, MASK):
        assert named(site) == [cause]


def dropped_by_torch(rate, function=F.dropout, seed=0):
    torch.manual_seed(seed)
    return by_torch(lambda x: function(x, rate, True), X)


def dropped_by_jax(rate, shape=X.shape, scale=None, seed=1):
    kept = np.asarray(jax.random.bernoulli(jax.random.key(seed), 1 - rate, shape))
    return by_jax(lambda x: jnp.where(kept, x * (scale or 1 / (1 - rate)), 0), X)


MASKED = dropped_by_torch(0.3)


@pytest.mark.parametrize(
    ("cause", "one", "other"),
    [
        ("dropout-eval-flag", MASKED, X),
        ("dropout-rate", MASKED, dropped_by_jax(0.2)),
        ("dropout-rate-is-drop-probability", MASKED, dropped_by_jax(0.7)),
        ("dropout-not-scaled", MASKED, MASKED * 0.7),
        ("dropout-spatial", MASKED, dropped_by_jax(0.3, (5, 1, 16))),
        ("rng-streams-incompatible", MASKED, dropped_by_jax(0.3)),
    ],
)
def test_dropout(cause, one, other):
    for first, second in ((one, other), (other, one)):
        assert named(Site("value", first, second, (X,), (Side("torch"), Side("jax")), train=True)) == [cause]


@pytest.mark.parametrize(
    "other",
    [
        lambda x: 2 * x + 1e-3 * x**2,
        lambda x: jnp.sin(x) * (1 + 0.1 * jnp.arange(16)),
        lambda x: jnp.where(x > 0.3, x, jnp.sin(x)),
        lambda x: jnp.round(x * 7) / 7,
    ],
)
def test_of_something_else_nothing_is_claimed(other):
    assert_nothing_claimed(lambda x: x * torch.sin(x), other, X)


def test_relu_and_a_factor_are_no_dropout():
    for site in sites(torch.relu, lambda x: 2 * x, X):
        assert sorted(named(site)) == ["activation-missing", "scale-constant"]


def beside(first, second, *sources):
    return Site("value", first, second, sources, (Side("torch"), Side("torch")))


def test_as_many_channels_nearby_make_no_mean_of_a_factor():
    """A sum over six channels would have left none of them."""
    x, wide = normal(2, 4, 5, 5), normal(2, 6, 20, 20)
    assert named(beside(x, 6 * x, wide, x)) == ["scale-constant"]
    assert named(beside(np.sin(wide.sum(1)), np.sin(wide.sum(1)) / 6, wide)) == ["scale-count"]


def test_a_gate_that_is_one_wherever_it_counts_is_none():
    """x relu6(x + 3) of large x is 6 x or 0, and its hyperbolic tangent 1 where it is not 0."""
    x = 1e3 * normal(4, 5, 6)
    y = x * np.clip(x + 3, 0, 6)
    assert named(beside(y, y / 6, x, y)) == ["scale-constant"]


def test_of_a_part_that_differs_the_clues_say_which_and_how():
    x = normal(2, 8, 5)
    y = x.copy()
    y[:, :6, 1:3] *= 2
    y[:, 6:, 1:3] *= 0.5
    said = clues(beside(x, y, x))
    assert said == [
        "elements 1 to 2 along axis 2: along axis 1 the second side is the first times one factor an index: 2 and 0.5",
        "only elements 1 to 2 along axis 2 differ",
    ]
