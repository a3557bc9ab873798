"""Backward passes that differ where the forward passes agree: the change is named, alone, whichever side it is on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from cause_scenes import named, normal

from crosscheck.causes.site import Side, Site

X, G = normal(6, 8), normal(6, 8, seed=1)
ZEROS = np.where(np.random.default_rng(3).random((6, 8)) < 0.3, 0.0, X)
BOUNDS = np.where(np.random.default_rng(3).random((6, 8)) < 0.3, 0.25, X)
ROWS_OF_ZEROS = X * (np.arange(6) % 3 > 0)[:, None]
TIED = np.round(X)


def torch_gradient(function, x, g):
    x = torch.tensor(x, requires_grad=True)
    y = function(x)
    y.backward(torch.tensor(g))
    return y.detach().numpy(), x.grad.numpy()


def jax_gradient(function, x, g):
    with jax.enable_x64(True):
        y, back = jax.vjp(function, jnp.asarray(x))
        return np.asarray(y), np.asarray(back(jnp.asarray(g))[0])


def both(one, other, x, g):
    """The sites of a gradient where one side is torch's and the other JAX's, after forward passes that agree."""
    (y, a), (z, b) = torch_gradient(one, x, g), jax_gradient(other, x, g)
    np.testing.assert_allclose(y, z, 1e-12)
    for first, second in ((a, b), (b, a)):
        yield Site("gradient", first, second, (x,), (Side("torch"), Side("jax")), given=(y,), cotangents=(g,))


@jax.custom_vjp
def wrong_tanh(x):
    return jnp.tanh(x)


wrong_tanh.defvjp(lambda x: (jnp.tanh(x), x), lambda x, g: (g * (1 - x * x),))


@jax.custom_vjp
def clipping(x):
    return x


clipping.defvjp(lambda x: (x, None), lambda _, g: (jnp.clip(g, -0.5, 0.5),))
stop = jax.lax.stop_gradient
ROWS = {
    "gradient-detached": (X, lambda x: 2 * x + torch.tanh(x), lambda x: 2 * stop(x) + jnp.tanh(x)),
    "gradient-scaled": (X, lambda x: x, lambda x: 0.1 * x + stop(0.9 * x)),
    "gradient-reversed": (X, lambda x: x, lambda x: 2 * stop(x) - x),
    "gradient-clipped": (X, lambda x: x * 1, clipping),
    "straight-through": (X, torch.round, lambda x: x + stop(jnp.round(x) - x)),
    "backward-of-another-function": (X, torch.tanh, wrong_tanh),
    "hardsigmoid-grad-float32-constant": (X, F.hardsigmoid, jax.nn.hard_sigmoid),
    "relu-kink-maximum": (ZEROS, F.relu, lambda x: jnp.maximum(x, 0)),
    "clamp-min-vs-maximum-grad": (BOUNDS, lambda x: x.clamp(min=0.25), lambda x: jnp.maximum(x, 0.25)),
    "leaky-relu-kink": (ZEROS, lambda x: F.leaky_relu(x, 0.1), lambda x: jax.nn.leaky_relu(x, 0.1)),
    "abs-grad-at-zero": (ZEROS, torch.abs, jnp.abs),
    "sqrt-grad-at-zero": (np.abs(ZEROS), lambda x: torch.where(x > 0, x, 1.0).sqrt() * (x > 0), jnp.sqrt),
    "norm-grad-at-zero": (ROWS_OF_ZEROS, lambda x: x.norm(dim=-1), lambda x: jnp.linalg.norm(x, axis=-1)),
    "sqrt-clamp-nan-grad": (X, lambda x: x.clamp(min=0).sqrt(), lambda x: jnp.sqrt(jnp.maximum(x, 0))),
    "max-dim-tie": (TIED, lambda x: x.max(1).values, lambda x: x.max(1)),
}
"""Cause: (what goes in, torch's side, JAX's side)."""


@pytest.mark.parametrize("cause", ROWS)
def test_the_change_is_named(cause):
    x, one, other = ROWS[cause]
    g = G if cause not in ("norm-grad-at-zero", "max-dim-tie") else G[:, 0]
    for site in both(one, other, x, g):
        assert named(site) == [cause]


def test_a_parameter_that_gets_no_gradient():
    for first, second in ((X, np.zeros_like(X)), (np.zeros_like(X), X)):
        assert named(Site("gradient", first, second, (), (Side("torch"), Side("jax")))) == ["gradient-detached"]


def test_a_residual_path_that_is_detached():
    h = normal(6, 8, seed=5)
    site = Site("gradient", G + h, h, (X,), (Side("torch"), Side("jax")), cotangents=(G, h))
    assert named(site) == ["gradient-detached"]


@pytest.mark.parametrize("other", [lambda g: g * np.exp(0.1 * X), lambda g: g + 1e-3 * X, lambda g: np.sort(g, 1)])
def test_of_another_gradient_nothing_is_claimed(other):
    site = Site("gradient", G, other(G), (X,), (Side("torch"), Side("jax")), cotangents=(normal(6, 8, seed=9),))
    assert named(site) == []
