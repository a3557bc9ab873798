"""Modulation: which part scales and which shifts, and what else was changed, is named, alone, whichever side it is."""

import jax
import jax.numpy as jnp
import pytest
import torch
import torch.nn.functional as F
from cause_scenes import assert_named, assert_nothing_claimed, named, normal, sites


def halves(p, split, spread):
    """Two parts of a projection, laid out for images."""
    a, b = (part.reshape(spread) for part in split(p))
    return a, b


MODULATED = {
    "the parts exchanged": (
        "modulation-parts-order",
        lambda x, a, b: x * (1 + a) + b,
        lambda x, a, b: x * (1 + b) + a,
    ),
    "the parts exchanged, behind an activation": (
        "modulation-parts-order",
        lambda x, a, b: F.relu(x * (1 + a) + b),
        lambda x, a, b: jax.nn.relu(x * (1 + b) + a),
    ),
    "one more than the scale": (
        "gate-plus-one",
        lambda x, a, b: F.silu(x * (1 + a) + b),
        lambda x, a, b: jax.nn.silu(x * a + b),
    ),
    "no shift": (
        "modulation-shift-missing",
        lambda x, a, b: F.relu(x * (1 + a) + b),
        lambda x, a, b: jax.nn.relu(x * (1 + a)),
    ),
    "no scale": (
        "gate-missing",
        lambda x, a, b: F.relu(x * (1 + a) + b),
        lambda x, a, b: jax.nn.relu(x + b),
    ),
    "what is behind it": (
        "hard-for-smooth-activation",
        lambda x, a, b: F.hardswish(x * (1 + a) + b),
        lambda x, a, b: jax.nn.silu(x * (1 + a) + b),
    ),
}


@pytest.mark.parametrize("spread", [(3, 6, 1, 1), (3, 1, 1, 6)], ids=["channels first", "channels last"])
@pytest.mark.parametrize(("cause", "one", "other"), MODULATED.values(), ids=MODULATED)
def test_a_value_scaled_and_shifted_by_parts_of_a_projection(cause, one, other, spread):
    x, p = 2 * normal(3, 6, 5, 6), normal(3, 12, seed=1)
    for site in sites(
        lambda x, p: one(x, *halves(p, lambda p: p.chunk(2, -1), spread)),
        lambda x, p: other(x, *halves(p, lambda p: jnp.split(p, 2, -1), spread)),
        *(x, p),
    ):
        assert named(site) == [cause]


@pytest.mark.parametrize(("cause", "one", "other"), MODULATED.values(), ids=MODULATED)
def test_a_sequence_scaled_and_shifted_by_values_of_their_own(cause, one, other):
    x, a, b = 2 * normal(3, 7, 8), normal(3, 8, seed=1), normal(3, 8, seed=2)
    for site in sites(
        lambda x, a, b: one(x, a[:, None], b[:, None]), lambda x, a, b: other(x, a[:, None], b[:, None]), x, a, b
    ):
        assert named(site) == [cause]


def test_six_parts_of_a_projection():
    """Adaptive normalization has shift, scale and gate for attention, then for what follows."""

    def one(x, p):
        shift, scale = p.chunk(6, -1)[3:5]
        return x * (1 + scale[:, None]) + shift[:, None]

    def other(x, p):
        shift, scale = jnp.split(p, 6, -1)[:2]
        return x * (1 + scale[:, None]) + shift[:, None]

    for site in sites(one, other, normal(3, 7, 8), normal(3, 48, seed=1)):
        assert named(site) == ["modulation-parts-order"]


GATED = {
    "the gate's function": (
        "hard-for-smooth-activation",
        lambda x, y, g: F.relu(y * torch.sigmoid(g) + x),
        lambda x, y, g: jax.nn.relu(y * jax.nn.hard_sigmoid(g) + x),
    ),
    "no gate": (
        "gate-missing",
        lambda x, y, g: F.relu(y * torch.sigmoid(g) + x),
        lambda x, y, g: jax.nn.relu(y + x),
    ),
    "one more than the gate": (
        "gate-plus-one",
        lambda x, y, g: y * g + x,
        lambda x, y, g: y * (1 + g) + x,
    ),
    "no activation": (
        "activation-missing",
        lambda x, y, g: F.relu(y * torch.sigmoid(g) + x),
        lambda x, y, g: y * jax.nn.sigmoid(g) + x,
    ),
}


@pytest.mark.parametrize("spread", [(3, 6, 1, 1), (3, 1, 1, 6)], ids=["channels first", "channels last"])
@pytest.mark.parametrize(("cause", "one", "other"), GATED.values(), ids=GATED)
def test_a_gated_branch_and_the_value_around_it(cause, one, other, spread):
    x, y, g = normal(3, 6, 5, 6), normal(3, 6, 5, 6, seed=1), 3 * normal(3, 6, seed=2)
    for site in sites(
        lambda x, y, g: one(x, y, g.reshape(spread)), lambda x, y, g: other(x, y, g.reshape(spread)), x, y, g
    ):
        assert named(site) == [cause]


@pytest.mark.parametrize(
    "other",
    [
        lambda x, a, b: x * (1 + jnp.cos(a)) + b,
        lambda x, a, b: jnp.sin(x * (1 + a) + b),
    ],
)
def test_of_unknown_modulations_nothing_is_claimed(other):
    x, a, b = 2 * normal(3, 7, 8), normal(3, 1, 8, seed=1), normal(3, 1, 8, seed=2)
    assert_nothing_claimed(lambda x, a, b: x * (1 + a) + b, other, x, a, b)


@pytest.mark.parametrize(
    ("cause", "other"),
    [
        ("scale-constant", lambda x, a, b: x * (1 + a) + 1.1 * b),
        ("residual-missing", lambda x, a, b: x * (2 + a) + b),
    ],
)
def test_of_unknown_modulations_a_term_more_is_told(cause, other):
    x, a, b = 2 * normal(3, 7, 8), normal(3, 1, 8, seed=1), normal(3, 1, 8, seed=2)
    assert_named(cause, lambda x, a, b: x * (1 + a) + b, other, x, a, b)


def test_a_gate_that_is_zero_everywhere_is_none():
    """What no relu lets pass times a value is nothing, which is added on either side."""
    x, y, g = normal(3, 7, 8), normal(3, 7, 8, seed=1), -1 - abs(normal(3, 1, 8, seed=2))
    for site in sites(lambda x, y, g: x + y, lambda x, y, g: y * 1, x, y, g):
        assert named(site) == ["residual-missing"]
