"""Values summed up by a softmax of one score each: additive attention, and a single query's."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from tests.cause_scenes import assert_named, assert_nothing_claimed

N, T, D, K = 3, 5, 6, 7


def normal(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape)


MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 0]], bool)
EMPTY = MASK & (np.arange(N)[:, None] != 1)
SCORES, VALUES = normal(N, T, 1), normal(N, T, D)


def attend(e, v, mask=None, weights=lambda e: jax.nn.softmax(e, -1), fill=-1e9, scale=1.0, keep=None):
    """By JAX; keep: a mask of the weights."""
    e = e.reshape(e.shape[:2]) * scale
    a = weights(e if mask is None else jnp.where(mask, e, fill))
    return jnp.einsum("nt,ntd->nd", a if keep is None else a * keep, v)


def usual(e, v, mask=None):
    e = e.reshape(e.shape[:2])
    a = torch.softmax(e if mask is None else e.masked_fill(~mask, -1e9), -1)
    return torch.bmm(a[:, None], v)[:, 0]


ROWS = {
    "examples": ("softmax-axis", {"weights": lambda e: jax.nn.softmax(e, 0)}),
    "one element": ("softmax-axis", {"weights": lambda e: jax.nn.softmax(e[..., None], -1)[..., 0]}),
    "none": ("softmax-missing", {"weights": lambda e: e}),
    "sigmoid": ("sigmoid-for-softmax", {"weights": jax.nn.sigmoid}),
    "even": ("attention-for-mean", {"weights": lambda e: jnp.ones_like(e) / e.shape[1]}),
    "scale": ("attention-scale", {"scale": D**-0.5}),
    "tanh": ("activation-missing", {"weights": lambda e: jax.nn.softmax(jnp.tanh(e), -1)}),
}
MASKED = {
    "missing": ("attention-mask-missing", lambda e, v, m: attend(e, v)),
    "inverted": ("attention-bool-mask-inverted", lambda e, v, m: attend(e, v, ~m)),
    "zeros": ("mask-fill-value", lambda e, v, m: attend(e, v, m, fill=0.0)),
    "tiny": ("mask-fill-value", lambda e, v, m: attend(e, v, m, fill=1e-9)),
    "after": ("attention-mask-after-softmax", lambda e, v, m: attend(e, v, keep=m)),
    "axis": ("softmax-axis", lambda e, v, m: attend(e, v, m, weights=lambda e: jax.nn.softmax(e, 0))),
}


@pytest.mark.parametrize(("cause", "more"), ROWS.values(), ids=ROWS)
def test_the_way_of_the_weights(cause, more):
    assert_named(cause, usual, partial(attend, **more), SCORES, VALUES)


@pytest.mark.parametrize(("cause", "other"), MASKED.values(), ids=MASKED)
def test_the_mask(cause, other):
    assert_named(cause, usual, other, SCORES, VALUES, MASK)


def test_the_mask_of_indices():
    ids = np.where(MASK, 4, 0)
    assert_named(
        "attention-mask-missing",
        lambda e, v, i: usual(e, v, i != 0),
        lambda e, v, i: attend(e, v),
        *(SCORES, VALUES, ids),
    )


def test_an_example_of_which_all_is_masked():
    assert_named(
        "attention-fully-masked-row",
        usual,
        lambda e, v, m: jnp.where(m.any(-1, keepdims=True), attend(e, v, m), 0),
        *(SCORES, VALUES, EMPTY),
    )


def test_a_single_query():
    def by_query(q, k, v, product, **more):
        return product("nk,ntk->nt", q, k), v

    assert_named(
        "attention-scale",
        lambda q, k, v: usual(*by_query(q, k, v, torch.einsum)),
        lambda q, k, v: attend(*by_query(q, k, v, jnp.einsum), scale=K**-0.5),
        *(normal(N, K), normal(N, T, K), VALUES),
    )


def test_scores_of_another_value():
    assert_named(
        "value-from-elsewhere",
        lambda e, f, v: usual(e, v),
        lambda e, f, v: attend(f, v),
        *(SCORES, normal(N, T), VALUES),
    )


OUTSIDE = {
    "cubed": lambda e, v: attend(e**3, v),
    "doubled at one place": lambda e, v: attend(e.at[0, 0].multiply(2), v),
    "weights squared": lambda e, v: attend(e, v, weights=lambda e: jax.nn.softmax(e, -1) ** 2),
}


@pytest.mark.parametrize("other", OUTSIDE.values(), ids=OUTSIDE)
def test_nothing_is_claimed_of_other_ways(other):
    assert_nothing_claimed(usual, other, SCORES, VALUES)
