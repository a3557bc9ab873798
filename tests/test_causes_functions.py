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
    "sigmoid-for-softmax": (lambda x: F.softmax(x, -1), jax.nn.sigmoid),
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


RELUS = "relu6-cap", F.relu6, jax.nn.relu
AVERAGED = {
    "an image": (*RELUS, (2, 3), False, (3, 6, 5, 4)),
    "an image that keeps its axes": (*RELUS, (2, 3), True, (3, 6, 5, 4)),
    "channels last": (*RELUS, (1, 2), False, (3, 5, 4, 6)),
    "a sequence": (*RELUS, (1,), False, (3, 7, 6)),
    "another function": ("activation-other", F.silu, jax.nn.relu, (2, 3), False, (3, 6, 5, 4)),
    "no function": ("activation-missing", F.relu, lambda x: x, (2, 3), False, (3, 6, 5, 4)),
}


@pytest.mark.parametrize(("cause", "one", "other", "axes", "keep", "shape"), AVERAGED.values(), ids=AVERAGED)
def test_the_function_ahead_of_a_global_average(cause, one, other, axes, keep, shape):
    assert_named(
        cause,
        lambda x: one(x).mean(axes, keepdim=keep),
        lambda x: other(x).mean(axes, keepdims=keep),
        4 * normal(*shape),
    )


def test_the_function_ahead_of_an_average_of_a_value_before_the_nearest():
    x, nearest = 4 * normal(3, 6, 5, 4), normal(3, 6, 5, 4, seed=1)
    assert_named("relu6-cap", lambda x, _: F.relu6(x).mean(1), lambda x, _: jax.nn.relu(x).mean(1), x[..., 0], nearest)


@pytest.mark.parametrize("other", [lambda x: jnp.sin(x).mean(1), lambda x: jax.nn.relu(x.mean(1))])
def test_of_other_averages_nothing_is_claimed(other):
    assert_nothing_claimed(lambda x: F.relu6(x).mean(1), other, 4 * normal(3, 7, 6))


GATED = {
    "the gate": (
        "hard-for-smooth-activation",
        lambda x, b: F.relu6(x) * F.hardsigmoid(b),
        lambda x, b: jax.nn.relu6(x) * jax.nn.sigmoid(b),
    ),
    "what is gated": (
        "relu6-cap",
        lambda x, b: F.relu6(x) * F.hardsigmoid(b),
        lambda x, b: jax.nn.relu(x) * jax.nn.hard_sigmoid(b),
    ),
    "the gate of a plain value": (
        "activation-other",
        lambda x, b: x * torch.sigmoid(b),
        lambda x, b: x * jnp.tanh(b),
    ),
    "both": (
        "relu6-cap hard-for-smooth-activation",
        lambda x, b: F.relu6(x) * F.hardsigmoid(b),
        lambda x, b: jax.nn.relu(x) * jax.nn.sigmoid(b),
    ),
    "the gate of a product that something is done to": (
        "hard-for-smooth-activation",
        lambda x, b: F.hardswish(x * F.hardsigmoid(b)),
        lambda x, b: jax.nn.hard_swish(x * jax.nn.sigmoid(b)),
    ),
    "which line the gate is, of such a product": (
        "hard-sigmoid-swish",
        lambda x, b: F.hardswish(x * F.hardsigmoid(b)),
        lambda x, b: jax.nn.hard_swish(x * jnp.clip(0.2 * b + 0.5, 0, 1)),
    ),
    "what is done to the product": (
        "hard-for-smooth-activation",
        lambda x, b: F.hardswish(x * torch.sigmoid(b)),
        lambda x, b: jax.nn.silu(x * jax.nn.sigmoid(b)),
    ),
    "nothing is done to the product": (
        "activation-missing",
        lambda x, b: F.silu(x * torch.sigmoid(b)),
        lambda x, b: x * jax.nn.sigmoid(b),
    ),
    "no gate of what something is done to": (
        "gate-missing",
        lambda x, b: F.silu(x * torch.sigmoid(b)),
        lambda x, b: jax.nn.silu(x),
    ),
    "one more than the gate of what something is done to": (
        "gate-plus-one",
        lambda x, b: F.gelu(x * torch.tanh(b)),
        lambda x, b: jax.nn.gelu(x * (1 + jnp.tanh(b)), approximate=False),
    ),
    "no function of the gate": (
        "activation-missing",
        lambda x, b: x * torch.sigmoid(b),
        lambda x, b: x * b,
    ),
    "gate and value exchanged": (
        "gate-exchanged",
        lambda x, b: x * torch.sigmoid(b),
        lambda x, b: jax.nn.sigmoid(x) * b,
    ),
    "gate and value exchanged, of two functions": (
        "gate-exchanged",
        lambda x, b: torch.tanh(x) * torch.sigmoid(b),
        lambda x, b: jax.nn.sigmoid(x) * jnp.tanh(b),
    ),
    "no gate": (
        "gate-missing",
        lambda x, b: F.relu6(x) * F.hardsigmoid(b),
        lambda x, b: jax.nn.relu6(x),
    ),
    "no gate of a plain value": (
        "gate-missing",
        lambda x, b: x * torch.sigmoid(b),
        lambda x, b: x,
    ),
    "one more than the gate": (
        "gate-plus-one",
        lambda x, b: x * torch.tanh(b),
        lambda x, b: x * (1 + jnp.tanh(b)),
    ),
    "one more than a plain gate": (
        "gate-plus-one",
        lambda x, b: x * b,
        lambda x, b: x * (1 + b),
    ),
}


@pytest.mark.parametrize("gate", [(3, 6, 1, 1), (3, 6, 5, 4)], ids=["a share of each channel", "of each element"])
@pytest.mark.parametrize(("causes", "one", "other"), GATED.values(), ids=GATED)
def test_a_value_gated_by_another(causes, one, other, gate):
    for site in sites(one, other, 4 * normal(3, 6, 5, 4), 3 * normal(*gate, seed=1)):
        assert sorted(named(site)) == sorted(causes.split())


@pytest.mark.parametrize("spread", [(3, 6, 1, 1), (3, 1, 1, 6)], ids=["channels first", "channels last"])
@pytest.mark.parametrize(("causes", "one", "other"), GATED.values(), ids=GATED)
def test_a_value_gated_by_one_number_for_each_example_and_channel(causes, one, other, spread):
    """As dense layers make it, without axes of length one."""
    x, b = 4 * normal(3, 6, 5, 6), 3 * normal(3, 6, seed=1)
    for site in sites(lambda x, b: one(x, b.reshape(spread)), lambda x, b: other(x, b.reshape(spread)), x, b):
        assert sorted(named(site)) == sorted(causes.split())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda x, b: x * torch.sigmoid(b), lambda x, b: x * 1),
        (lambda x, b: F.silu(x * torch.sigmoid(b)), lambda x, b: jax.nn.silu(x)),
    ],
)
def test_a_function_of_which_nothing_is_left_is_no_gate(one, other):
    """One more than the relu of numbers that all are below 0 changes nothing."""
    for site in sites(one, other, 4 * normal(3, 6, 5, 4), -1 - abs(normal(3, 6, 1, 1, seed=1))):
        assert named(site) == ["gate-missing"]


@pytest.mark.parametrize(
    "other",
    [
        lambda x, b: jax.nn.relu6(x) * jnp.cos(b) ** 2,
        lambda x, b: jax.nn.relu6(x) * jax.nn.hard_sigmoid(b + 0.1),
        lambda x, b: jax.nn.relu6(x) + jax.nn.hard_sigmoid(b),
        lambda x, b: jnp.cos(jax.nn.relu6(x) * jax.nn.hard_sigmoid(b)),
        lambda x, b: jax.nn.silu(1.1 * jax.nn.relu6(x) * jax.nn.hard_sigmoid(b)),
    ],
)
def test_of_unknown_gates_nothing_is_claimed(other):
    x, b = 4 * normal(3, 6, 5, 4), 3 * normal(3, 6, 1, 1, seed=1)
    assert_nothing_claimed(lambda x, b: F.relu6(x) * F.hardsigmoid(b), other, x, b)


def test_of_a_gate_that_is_another_value_no_function_is_claimed():
    x, b, c = 4 * normal(3, 6, 5, 4), *(3 * normal(3, 6, 1, 1, seed=seed) for seed in (1, 2))
    assert_nothing_claimed(
        lambda x, b, c: F.relu6(x) * F.hardsigmoid(b), lambda x, b, c: jax.nn.relu6(x) * jax.nn.sigmoid(c), x, b, c
    )
