"""What is added to what, how often, from where and with what factor: each change is named, alone, either way round."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from cause_scenes import assert_named, assert_nothing_claimed, by_jax, by_torch, named, normal, sites

from crosscheck.causes.explain import explain
from crosscheck.causes.site import Side, Site
from crosscheck.causes.sums import is_own

H, X, Y = normal(5, 6, 16, seed=1), normal(5, 6, 16, seed=2), normal(5, 6, 16, seed=3)
ROWS = {
    "residual-missing": (lambda h, x, y: F.relu(y + x), lambda h, x, y: jax.nn.relu(y)),
    "residual-from-elsewhere": (lambda h, x, y: y + x, lambda h, x, y: y + h),
    "residual-twice": (lambda h, x, y: y + x, lambda h, x, y: y + 2 * x),
    "value-from-elsewhere": (lambda h, x, y: y, lambda h, x, y: h),
    "activation-around-sum": (lambda h, x, y: F.relu(y + x), lambda h, x, y: jax.nn.relu(y) + x),
    "scale-sqrt-width": (lambda h, x, y: y * 16**-0.5, lambda h, x, y: y),
    "scale-constant": (lambda h, x, y: y + x, lambda h, x, y: y + 0.18215 * x),
    "sign-flipped": (lambda h, x, y: y + x, lambda h, x, y: y - x),
    "offset-constant": (lambda h, x, y: y, lambda h, x, y: y + 1),
    "gelu-tanh-default": (lambda h, x, y: x + F.gelu(y), lambda h, x, y: x + jax.nn.gelu(y)),
}
"""Cause: (torch's side, JAX's side) of three values, the nearest last."""


@pytest.mark.parametrize("cause", ROWS)
def test_the_change_is_named(cause):
    assert_named(cause, *ROWS[cause], H, X, Y)


@pytest.mark.parametrize(
    ("cause", "other"),
    [
        ("positional-missing", lambda x, pos: x),
        ("positional-twice", lambda x, pos: x + 2 * pos[:6]),
    ],
)
def test_a_table_of_positions(cause, other):
    pos = normal(9, 16)
    one, two = by_torch(lambda x, p: x + p[:6], X, pos), by_jax(other, X, pos)
    for first, second in ((one, two), (two, one)):
        site = Site("value", first, second, (H, X), (Side("torch"), Side("jax")), {"pos": pos})
        assert named(site) == [cause]


def test_a_table_of_positions_where_time_comes_first():
    pos = normal(6, 16)
    one, two = (X + pos).swapaxes(0, 1), X.swapaxes(0, 1)
    for first, second in ((one, two), (two, one)):
        site = Site("value", first, second, (H, X), (Side("torch"), Side("jax")), {"pos": pos})
        assert named(site) == ["positional-missing"]


@pytest.mark.parametrize(("cause", "told"), [("scale-dropout", {"p": 0.15}), ("scale-constant", {})])
def test_what_dropout_keeps_is_named_where_a_rate_is_known(cause, told):
    for first, second in ((X + Y, X + 0.85 * Y), (X + Y / 0.85, X + Y)):
        site = Site("value", first, second, (X, Y), (Side("torch", "", told), Side("jax")))
        assert named(site) == [cause]


def test_a_norm_on_the_other_side_of_the_sum():
    normed = by_torch(lambda x: F.layer_norm(x, (16,)), X)
    called = (("`block.attention`", "Attention"), ("what goes into `block`", ""), ("`block.norm`", "LayerNorm"))
    for first, second in ((normed, X), (X, normed)):
        site = Site("value", first, second, (Y, X, normed), (Side("torch"), Side("jax")), called=called)
        assert named(site) == ["norm-before-or-after"]


def test_a_norm_of_the_sum_or_ahead_of_it():
    for first, second in ((X, X + Y), (X + Y, X)):
        site = Site("value", first, second, (X, Y), (Side("torch"), Side("jax")), reaches="LayerNorm")
        assert named(site) == ["norm-before-or-after"]


def test_a_layer_that_only_one_side_has():
    pooled = by_torch(lambda x: F.max_pool1d(x, 3, 1, 1), X)
    called = (("`conv`", "Conv1d"), ("`pool`", "given MaxPool1d"))
    for first, second in ((pooled, X), (X, pooled)):
        site = Site("value", first, second, (X,), (Side("torch"), Side("jax")), given=(pooled,), called=called)
        assert named(site) == ["layer-missing"]


def test_what_is_given_elsewhere_in_other_sizes_is_not_in_its_way():
    """As by the norms of a net's other blocks, when one model calls none of them."""
    normed, others = by_torch(lambda x: F.layer_norm(x, (16,)), X + Y), [normal(3, 7, seed=i) for i in range(20)]
    own = (("`a`", "Linear"), ("`b`", "Linear"), ("what goes into `norm`", ""), ("`norm`", "given LayerNorm"))
    called = (*own, *((f"`{i}.norm`", "given LayerNorm") for i in range(len(others))))
    given = (X + Y, normed, *others)
    for first, second in ((normed, X + Y), (X + Y, normed)):
        site = Site("value", first, second, (X, Y), (Side("torch"), Side("jax")), given=given, called=called)
        assert named(site) == ["layer-missing"]


def test_what_is_added_of_pixels_in_one_row():
    """As attention in a convolutional net has them between its reshapes."""
    image, branch, row = normal(2, 6, 3, 4, seed=1), normal(2, 6, 3, 4, seed=2), normal(2, 6, 12, seed=3)
    for x in (row, row.transpose(0, 2, 1)):
        one, two = branch + image, branch + row.reshape(image.shape)
        for first, second in ((one, two), (two, one)):
            site = Site("value", first, second, (image, x, branch), (Side("torch"), Side("jax")))
            assert named(site) == ["residual-from-elsewhere"]


def test_of_what_a_dropout_hands_on_nothing_is_claimed():
    """It may be any function of the norm, relu on one side and one that nobody knows on the other."""
    handed_on, other = by_torch(lambda x: torch.sin(x) + x**2, X), by_torch(torch.relu, X)
    called = (("`norm`", "BatchNorm"), ("`drop`", "given Dropout"))
    for first, second in ((handed_on, other), (other, handed_on)):
        site = Site("value", first, second, (X,), (Side("jax"), Side("torch")), given=(handed_on,), called=called)
        assert named(site) == []


def test_two_changes_are_both_named():
    for site in sites(lambda x, y: torch.relu(x + y), lambda x, y: jax.nn.silu(y), X, Y):
        assert sorted(named(site)) == ["activation-other", "residual-missing"]


@pytest.mark.parametrize(
    "other",
    [
        lambda h, x, y: y + x * h,
        lambda h, x, y: y + jnp.sin(x),
        lambda h, x, y: y + x + 1e-4 * jnp.abs(h) * y,
        lambda h, x, y: jnp.cumsum(y, 1),
    ],
)
def test_of_unknown_wiring_nothing_is_claimed(other):
    assert_nothing_claimed(lambda h, x, y: y + x, other, H, X, Y)


def test_where_neither_side_can_be_read_nothing_is_claimed():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 5, 6, 16))
    assert named(Site("value", a, b, (H, X, Y), (Side("torch"), Side("jax")))) == []


A, B, C = normal(5, 4, 6, seed=4), normal(5, 7, 6, seed=5), normal(5, 7, 6, seed=6)


@pytest.mark.parametrize(
    ("cause", "one", "other"),
    [
        ("concat-order", lambda a, b, c: torch.cat([a, b], 1), lambda a, b, c: jnp.concatenate([b, a], 1)),
        ("concat-other-value", lambda a, b, c: torch.cat([a, b], 1), lambda a, b, c: jnp.concatenate([a, c], 1)),
        (
            "concat-interleaved",
            lambda a, b, c: torch.cat([b, c], 1),
            lambda a, b, c: jnp.stack([b, c], 2).reshape(5, 14, 6),
        ),
        ("split-part", lambda a, b, c: c.chunk(3, 2)[0], lambda a, b, c: jnp.split(c, 3, 2)[1]),
        ("split-interleaved", lambda a, b, c: c.chunk(2, 2)[1], lambda a, b, c: c[..., 1::2]),
    ],
)
def test_values_put_together_or_cut(cause, one, other):
    assert_named(cause, one, other, A, B, C)


def test_which_parameters_are_a_modules_own():
    """Those of modules inside are theirs."""
    assert [is_own(name) for name in ("gamma", "gammas.0", "query.kernel", "blocks.0.scale")] == [
        True,
        True,
        False,
        False,
    ]


def hidden(x, y):
    """What nothing in the catalogue makes of these."""
    return x * (3 * y).sin() + 0.3 * (x * y).cos()


def in_jax(x, y):
    return x * jnp.sin(3 * y) + 0.3 * jnp.cos(x * y)


ADDED = {
    "residual-missing": (lambda h, x, y: hidden(x, y) + h, lambda h, x, y: in_jax(x, y)),
    "residual-from-elsewhere": (lambda h, x, y: hidden(x, y) + h, lambda h, x, y: in_jax(x, y) + y),
    "scale-constant": (lambda h, x, y: hidden(x, y) + h, lambda h, x, y: in_jax(x, y) + 0.4 * h),
}


@pytest.mark.parametrize("cause", ADDED)
def test_a_term_beside_what_nobody_knows(cause):
    assert_named(cause, *ADDED[cause], H, X, Y)


def test_a_parameter_beside_what_nobody_knows():
    pos = normal(6, 16)
    one, two = by_torch(lambda x, y, p: hidden(x, y) + p, X, Y, pos), by_jax(lambda x, y, p: in_jax(x, y), X, Y, pos)
    for first, second in ((one, two), (two, one)):
        site = Site("value", first, second, (H, X, Y), (Side("torch"), Side("jax")), {"pos": pos})
        assert named(site) == ["positional-missing"]


def test_what_is_added_is_said():
    site, turned = sites(*ADDED["residual-missing"], H, X, Y)
    assert [explain(site).first, explain(site).second] == ["as it is there", "that without value 2"]
    assert [explain(turned).first, explain(turned).second] == ["as it is there", "that and value 2"]
    exchanged, _ = sites(*ADDED["residual-from-elsewhere"], H, X, Y)
    assert explain(exchanged).second == "that with value 0 in the place of value 2"


def test_a_difference_that_is_no_sum_is_not_explained():
    assert_nothing_claimed(lambda h, x, y: hidden(x, y), lambda h, x, y: in_jax(x, y) + 0.1 * h * x, H, X, Y)
    assert_nothing_claimed(lambda h, x, y: hidden(x, y), lambda h, x, y: in_jax(x, y) + h - 0.5 * x, H, X, Y)


TWO = {
    "softmax": ("softmax-axis", lambda x: softmax(x, -1), lambda x: softmax(x, 1)),
    "pooling": (
        "max-for-mean-pooling",
        lambda x: x.reshape(5, 6, 8, 2).max(3),
        lambda x: x.reshape(5, 6, 8, 2).mean(3),
    ),
    "halves": (
        "glu-half-order",
        lambda x: x[..., :8] * sigmoid(x[..., 8:]),
        lambda x: x[..., 8:] * sigmoid(x[..., :8]),
    ),
    "padding": (
        "pad-side",
        lambda x: np.pad(x, ((0, 0), (2, 0), (0, 0))),
        lambda x: np.pad(x, ((0, 0), (0, 2), (0, 0))),
    ),
}


def softmax(x, axis):
    return np.exp(x) / np.exp(x).sum(axis, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(("cause", "mine", "theirs"), TWO.values(), ids=TWO)
def test_the_same_of_another_value_is_two_causes(cause, mine, theirs):
    """What is made of X on one side and of Y on the other differs by that, too."""
    for first, second in ((mine(X), theirs(Y)), (theirs(X), mine(Y))):
        site = Site(
            "value", first, second, (X, Y), (Side("torch"), Side("torch")), called=(("`one`", ""), ("`two`", ""))
        )
        found = explain(site)
        assert {each.id for each in found.causes} == {cause, "value-from-elsewhere"}
        assert "of `one`" in found.first
        assert "of `two`" in found.second
    alike = Site("value", mine(X), theirs(X), (X, Y), (Side("torch"), Side("torch")))
    assert named(alike) == [cause]


CORNER = np.tril(np.ones((2, 16), bool), -1)


def test_one_element_that_could_be_masked_is_no_mask():
    """Below the diagonal of two rows lies a single element."""
    sides = (Side("torch"), Side("torch"))
    assert not named(
        Site("value", np.where(CORNER, 0.5, X[0, :2]), np.where(CORNER, 0.25, Y[0, :2]), (X[0, :2], Y[0, :2]), sides)
    )


def test_what_an_exponential_makes_of_large_values_is_no_term(recwarn):
    """Infinities among the terms would end the search."""
    sides = (Side("torch"), Side("torch"))
    assert not named(Site("value", Y, np.sin(3 * X * Y), (X, 1e4 * H, Y), sides))
    assert not recwarn.list
