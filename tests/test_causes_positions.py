"""Another position of a sequence, and a state that one side leaves at zeros."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch

from tests.cause_scenes import assert_named, assert_nothing_claimed

RNG = np.random.default_rng(8)
X, Y = RNG.standard_normal((6, 5, 4)), RNG.standard_normal((6, 4))

ROWS = {
    "the step before": ("position-other", lambda x: x[:, 2], lambda x: x[:, 1]),
    "the first step": ("position-other", lambda x: x[:, 2], lambda x: x[:, 0]),
    "time first": ("position-other", lambda x: x[1], lambda x: x[0]),
    "the last for the first": ("token-for-mean-pooling", lambda x: x[:, 0], lambda x: x[:, -1]),
}


@pytest.mark.parametrize(("cause", "one", "other"), ROWS.values(), ids=ROWS)
def test_the_position_is_named(cause, one, other):
    assert_named(cause, one, other, X)


def test_of_a_part_of_what_is_put_together():
    assert_named(
        "position-other",
        lambda x, y: torch.cat([y, x[:, 2]], 1),
        lambda x, y: jnp.concatenate([y, x[:, 3]], 1),
        *(X, Y),
    )


def test_a_part_at_another_end():
    """Elements 2 and 3 of the last and of the first position."""
    assert_named(
        "token-for-mean-pooling",
        lambda x: torch.cat([x[:, 0, :2], x[:, 0, 2:]], 1),
        lambda x: jnp.concatenate([x[:, 0, :2], x[:, -1, 2:]], 1),
        X,
    )


@pytest.mark.parametrize("kind", ["LSTMCell", "GRU"])
def test_zeros_for_a_state(kind):
    assert_named("rnn-initial-state", lambda x, y: x[:, 0] ** 3, lambda x, y: 0 * y, X, Y, reaches=kind)


def test_zeros_for_another_value_are_no_state():
    assert_nothing_claimed(lambda x, y: x[:, 0] ** 3 + 1, lambda x, y: 0 * y, X, Y, reaches="Linear")


def test_nothing_is_claimed_of_others():
    assert_nothing_claimed(lambda x: x[:, 2], lambda x: x[:, 1] ** 3, X)
