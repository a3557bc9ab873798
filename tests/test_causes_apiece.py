"""Several values reduced each by itself and put together."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.cause_scenes import assert_named, assert_nothing_claimed

RNG = np.random.default_rng(5)
VALUES = [RNG.standard_normal((3, width, time)) - 0.5 for width, time in ((5, 8), (5, 7), (4, 6))]


def usual(*xs):
    return torch.cat([F.relu(x).amax(2) for x in xs], 1)


def by(*ways):
    """By JAX, one way for each value or the same for all."""
    return lambda *xs: jnp.concatenate([way(x) for way, x in zip(ways * len(xs), xs)], 1)


def usual_way(x):
    return jax.nn.relu(x).max(2)


ROWS = {
    "mean": ("max-for-mean-pooling", by(lambda x: jax.nn.relu(x).mean(2))),
    "last": ("token-for-mean-pooling", by(lambda x: jax.nn.relu(x)[:, :, -1])),
    "tanh": ("activation-other", by(lambda x: jnp.tanh(x).max(2))),
    "two of three": ("max-for-mean-pooling", by(lambda x: jax.nn.relu(x).mean(2), usual_way)),
}


@pytest.mark.parametrize(("cause", "other"), ROWS.values(), ids=ROWS)
def test_what_is_done_to_each_is_named(cause, other):
    assert_named(cause, usual, other, *VALUES)


OUTSIDE = {
    "not all of them alike": by(lambda x: jax.nn.relu(x).mean(2), lambda x: jnp.tanh(x).max(2)),
    "one of them unknown": by(lambda x: jax.nn.relu(x).mean(2), lambda x: (x**3).max(2)),
}


@pytest.mark.parametrize("other", OUTSIDE.values(), ids=OUTSIDE)
def test_nothing_is_claimed_of_others(other):
    assert_nothing_claimed(usual, other, *VALUES)
