"""A softmax of a sum: what of it differs, and what is added ahead of it."""

import jax
import numpy as np
import pytest
import torch.nn.functional as F

from tests.cause_scenes import assert_named, assert_nothing_claimed

A, B = (np.random.default_rng(seed).standard_normal((4, 6)) for seed in (1, 2))


def softmax(x, axis=-1):
    return jax.nn.softmax(x, axis)


ROWS = {
    "none": ("softmax-missing", lambda a, b: a + b),
    "axis": ("softmax-axis", lambda a, b: softmax(a + b, 0)),
    "logarithm": ("log-softmax-for-softmax", lambda a, b: jax.nn.log_softmax(a + b, -1)),
    "temperature": ("softmax-temperature", lambda a, b: softmax((a + b) / 0.7)),
    "sigmoid": ("sigmoid-for-softmax", lambda a, b: jax.nn.sigmoid(a + b)),
    "a term missing": ("residual-missing", lambda a, b: softmax(a)),
    "a sign": ("sign-flipped", lambda a, b: softmax(a - b)),
}


@pytest.mark.parametrize(("cause", "other"), ROWS.values(), ids=ROWS)
def test_the_difference_is_named(cause, other):
    assert_named(cause, lambda a, b: F.softmax(a + b, -1), other, A, B)


def test_ahead_of_a_log_softmax():
    assert_named("sign-flipped", lambda a, b: F.log_softmax(a + b, -1), lambda a, b: jax.nn.log_softmax(a - b), A, B)


OUTSIDE = {
    "of a product": lambda a, b: softmax(a * b * 1.3 + a**3),
    "of one score": lambda a, b: softmax((a + b).at[:, 2].multiply(2)),
    "smoothed": lambda a, b: 0.9 * softmax(a + b) + 0.1 * softmax(a),
}


@pytest.mark.parametrize("other", OUTSIDE.values(), ids=OUTSIDE)
def test_nothing_is_claimed_of_others(other):
    assert_nothing_claimed(lambda a, b: F.softmax(a + b, -1), other, A, B)
