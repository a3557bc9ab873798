"""The same numbers in another order: how they were exchanged is named, alone, whichever side it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from cause_scenes import assert_named, assert_nothing_claimed, normal

SQUARE, IMAGE, TOKENS = normal(3, 5, 5), normal(2, 12, 4, 6), normal(2, 6, 10)
ROWS = {
    "axes-swapped": (SQUARE, lambda x: x.transpose(1, 2), lambda x: x),
    "image-reshape-instead-of-transpose": (
        IMAGE,
        lambda x: x.permute(0, 2, 3, 1),
        lambda x: x.reshape(2, 4, 6, 12),
    ),
    "flatten-order-dense": (
        IMAGE,
        lambda x: torch.flatten(x, 1),
        lambda x: jnp.transpose(x, (0, 2, 3, 1)).reshape(2, -1),
    ),
    "interleaved-groups": (IMAGE, lambda x: F.channel_shuffle(x, 3), lambda x: x),
    "flipped": (TOKENS, lambda x: torch.flip(x, [1]), lambda x: x),
    "shifted": (TOKENS, lambda x: torch.roll(x, 1, 1), lambda x: x),
    "pixel-shuffle-channel-order": (
        IMAGE,
        lambda x: F.pixel_shuffle(x, 2),
        lambda x: jnp.transpose(x.reshape(2, 2, 2, 3, 4, 6), (0, 3, 4, 1, 5, 2)).reshape(2, 3, 8, 12),
    ),
    "unfold-patch-order": (
        IMAGE,
        lambda x: F.unfold(x, 2, stride=2).transpose(1, 2),
        lambda x: jnp.transpose(x.reshape(2, 12, 2, 2, 3, 2), (0, 2, 4, 3, 5, 1)).reshape(2, 6, 48),
    ),
    "repeat-vs-tile": (TOKENS, lambda x: x.repeat(1, 3, 1), lambda x: jnp.repeat(x, 3, 1)),
}
"""Cause: (the value, torch's side, JAX's side)."""


@pytest.mark.parametrize("cause", ROWS)
def test_the_order_is_named(cause):
    x, one, other = ROWS[cause]
    assert_named(cause, one, other, x)


def test_images_tiled_for_pixels_repeated():
    def other(x):
        return jnp.repeat(jnp.repeat(x, 2, 2), 2, 3)

    assert_named("repeat-vs-tile", lambda x: x.repeat(1, 1, 2, 2), other, IMAGE)


def test_parts_of_unknown_origin_that_are_exchanged():
    def one(x):
        return torch.cat([torch.sin(x[..., :4]), torch.cos(x)], -1)

    def other(x):
        return jnp.concatenate([jnp.cos(x), jnp.sin(x[..., :4])], -1)

    assert_named("concat-order", one, other, TOKENS)


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0), (0, 2, 1)])
def test_several_parts_of_unknown_origin_in_another_order(order):
    def one(x):
        return torch.cat([torch.sin(x[..., :4]), torch.cos(x), torch.sin(2 * x[..., 5:])], -1)

    def other(x):
        made = [jnp.sin(x[..., :4]), jnp.cos(x), jnp.sin(2 * x[..., 5:])]
        return jnp.concatenate([made[i] for i in order], -1)

    assert_named("concat-order", one, other, TOKENS)


def test_elements_that_change_places_in_pairs():
    """Corners x y x y, and y x y x."""
    assert_named("concat-order", lambda x: x[..., :4] * 1, lambda x: x[..., jnp.array([1, 0, 3, 2])], TOKENS)


def test_parts_in_another_order_though_some_of_their_elements_are_the_same():
    """What relus let nothing of pass is 0 in every part."""

    def one(x):
        a, b = (F.relu(torch.sin(k * x) - 2 * (torch.arange(10) % k == 1)) for k in (3, 4))
        return torch.cat([a, b], -1)

    def other(x):
        a, b = (jax.nn.relu(jnp.sin(k * x) - 2 * (jnp.arange(10) % k == 1)) for k in (3, 4))
        return jnp.concatenate([b, a], -1)

    assert_named("concat-order", one, other, TOKENS)


def test_a_part_that_differs_is_looked_at_alone():
    def one(x):
        return torch.cat([torch.sin(x), F.relu(x).flip(1)], -1)

    def other(x):
        return jnp.concatenate([jnp.sin(x), jnp.maximum(x, 0)], -1)

    assert_named("flipped", one, other, TOKENS)


def test_pixels_to_channels():
    def other(x):
        return jnp.transpose(x.reshape(2, 12, 2, 2, 3, 2), (0, 3, 5, 1, 2, 4)).reshape(2, 48, 2, 3)

    assert_named("pixel-shuffle-channel-order", lambda x: F.pixel_unshuffle(x, 2), other, IMAGE)


def test_of_another_permutation_nothing_is_claimed():
    order = np.random.default_rng(0).permutation(10)
    assert_nothing_claimed(lambda x: x * 1, lambda x: x[..., order], TOKENS)


def test_of_an_order_and_a_function_nothing_is_claimed():
    assert_nothing_claimed(lambda x: x.flip(1), lambda x: jnp.sin(x), TOKENS)
