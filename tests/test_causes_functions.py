"""Functions without weights: the convention that is changed on one side is named, alone, whichever side it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from cause_scenes import assert_named, assert_nothing_claimed, by_jax, by_torch, named, normal, sites

from crosscheck.causes.site import Side, Site

ROWS = {
    "gelu-tanh-default": (F.gelu, jax.nn.gelu),
    "quick-gelu": (F.gelu, lambda x: x * jax.nn.sigmoid(1.702 * x)),
    "leaky-relu-slope": (lambda x: F.leaky_relu(x, 0.2), jax.nn.leaky_relu),
    "celu-elu-alpha": (lambda x: F.celu(x, 2.0), lambda x: jax.nn.elu(x, 2.0)),
    "softplus-threshold-beta": (lambda x: F.softplus(x, beta=2), jax.nn.softplus),
    "hard-sigmoid-swish": (F.hardsigmoid, lambda x: jnp.clip(0.2 * x + 0.5, 0, 1)),
    "hard-for-smooth-activation": (F.hardswish, jax.nn.silu),
    "swish-beta": (lambda x: x * torch.sigmoid(1.5 * x), jax.nn.silu),
    "relu6-cap": (F.relu6, jax.nn.relu),
    "activation-missing": (F.relu, lambda x: x),
    "activation-twice": (torch.tanh, lambda x: jnp.tanh(jnp.tanh(x))),
    "activation-other": (F.mish, jax.nn.selu),
    "softmax-axis": (lambda x: F.softmax(x, 1), jax.nn.softmax),
    "softmax-implicit-dim-3d": (lambda x: F.softmax(x, 0), jax.nn.softmax),
    "log-softmax-for-softmax": (lambda x: F.log_softmax(x, -1), jax.nn.softmax),
    "softmax-missing": (lambda x: F.softmax(x, -1), lambda x: x),
    "softmax-temperature": (lambda x: F.softmax(x / 1.7, -1), jax.nn.softmax),
    "glu-half-order": (F.glu, lambda x: jax.nn.glu(jnp.roll(x, 4, -1))),
}
"""Cause: (torch's side, JAX's side)."""


@pytest.mark.parametrize("cause", ROWS)
def test_the_function_is_named(cause):
    assert_named(cause, *ROWS[cause], 3 * normal(5, 6, 8))


def test_softplus_beyond_its_threshold():
    assert_named("softplus-threshold-only", F.softplus, jax.nn.softplus, 20 + normal(40))


def test_halves_along_another_axis():
    assert_named(
        "glu-channel-axis", lambda x: F.glu(x, 1), lambda x: jnp.moveaxis(jax.nn.glu(x), 1, 2), normal(5, 8, 8)
    )


@pytest.mark.parametrize(
    "other",
    [
        lambda x: jnp.sin(x),
        lambda x: jax.nn.relu(x) + 1e-3 * jnp.cos(x),
        lambda x: x * jax.nn.sigmoid(1.1 * x + 0.1),
        lambda x: jax.nn.softmax(x * x),
    ],
)
def test_of_unknown_functions_nothing_is_claimed(other):
    assert_nothing_claimed(F.relu, other, normal(5, 6, 8))


def test_sides_that_agree_need_no_cause():
    assert named(sites(F.silu, jax.nn.silu, normal(5, 6, 8))[0]) == []


def test_slopes_along_another_axis():
    a = np.array([0.1, 0.2, 0.3, 0.4])
    x = normal(3, 4, 5, 4)
    one, other = by_torch(F.prelu, x, a), by_jax(lambda x, a: jnp.where(x >= 0, x, a * x), x, a)
    for first, second in ((one, other), (other, one)):
        side = Side("torch", "PReLU")
        assert named(Site("output", first, second, (x,), (side, side), {"weight": a})) == ["prelu-init-and-shape"]
