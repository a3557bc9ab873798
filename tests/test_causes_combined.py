"""Two values that are added on one side, and multiplied, or taken as the larger or smaller one, on the other."""

from itertools import combinations

import jax
import jax.numpy as jnp
import pytest
import torch
import torch.nn.functional as F
from cause_scenes import assert_named, assert_nothing_claimed, normal

IMAGE, VECTOR, OTHER = normal(3, 6, 4, 5, seed=1), normal(3, 6, 1, 1, seed=2), normal(3, 6, 4, 5, seed=3)
IN_TORCH = {
    "sum": torch.add,
    "product": torch.mul,
    "larger": torch.maximum,
    "smaller": torch.minimum,
}
IN_JAX = {"sum": jnp.add, "product": jnp.multiply, "larger": jnp.maximum, "smaller": jnp.minimum}
PAIRS = [(a, b) for pair in combinations(IN_TORCH, 2) for a, b in (pair, pair[::-1])]


@pytest.mark.parametrize("values", [(IMAGE, OTHER), (IMAGE, VECTOR)], ids=["of one size", "broadcast"])
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_the_operation_is_named(one, other, values):
    assert_named("combined-otherwise", IN_TORCH[one], IN_JAX[other], *values)


def test_under_a_function():
    assert_named("combined-otherwise", lambda a, b: F.silu(a + b), lambda a, b: jax.nn.silu(a * b), IMAGE, VECTOR)


@pytest.mark.parametrize(
    "other", [lambda a, b, c: a * c * b, lambda a, b, c: jnp.hypot(a, b), lambda a, b, c: a**2 * b]
)
def test_of_other_values_nothing_is_claimed(other):
    assert_nothing_claimed(lambda a, b, c: a + b, other, IMAGE, OTHER, OTHER[::-1] + 1)
