"""Resizing and padding: the convention that is changed is named, alone, whichever side it is on."""

import jax.image
import jax.numpy as jnp
import pytest
import torch
import torch.nn.functional as F
from cause_scenes import assert_named, assert_nothing_claimed, normal

X = normal(2, 3, 6, 8)


def bilinear(size, **more):
    return lambda x: F.interpolate(x, size, mode="bilinear", **more)


def by_jax(size, method="bilinear", **more):
    return lambda x: jax.image.resize(x, (2, 3, *size), method, **more)


def legacy(x):
    """TensorFlow 1's: no half pixel."""
    scale = jnp.array([11 / 6, 15 / 8])
    return jax.image.scale_and_translate(x, (2, 3, 11, 15), (2, 3), scale, 0.5 - scale / 2, "bilinear")


ROWS = {
    "resize-align-corners": (bilinear((11, 15), align_corners=True), by_jax((11, 15))),
    "resize-half-pixel": (bilinear((11, 15)), legacy),
    "resize-antialias-default": (bilinear((4, 5)), by_jax((4, 5))),
    "resize-nearest-rounding": (lambda x: F.interpolate(x, (9, 11)), by_jax((9, 11), "nearest")),
    "resize-bicubic-a": (lambda x: F.interpolate(x, (11, 15), mode="bicubic"), by_jax((11, 15), "cubic")),
    "resize-method": (lambda x: F.interpolate(x, (11, 15), mode="nearest-exact"), by_jax((11, 15))),
    "resize-scale-factor": (
        lambda x: F.interpolate(x, scale_factor=1.45, mode="bilinear", recompute_scale_factor=False),
        by_jax((8, 11)),
    ),
    "pad-mode-names": (
        lambda x: F.pad(x, (2, 2, 1, 1), "reflect"),
        lambda x: jnp.pad(x, ((0, 0), (0, 0), (1, 1), (2, 2)), "symmetric"),
    ),
    "pad-side": (
        lambda x: F.pad(x, (1, 0, 0, 1)),
        lambda x: jnp.pad(x, ((0, 0), (0, 0), (1, 0), (0, 1))),
    ),
    "pad-value": (
        lambda x: F.pad(x, (1, 1, 1, 1), value=-1.0),
        lambda x: jnp.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))),
    ),
}
"""Cause: (torch's side, JAX's side)."""


@pytest.mark.parametrize("cause", ROWS)
def test_the_change_is_named(cause):
    assert_named(cause, *ROWS[cause], X)


def test_a_skip_beside_what_is_resized():
    x, skip = X, normal(2, 4, 11, 15)

    def one(x, skip):
        return torch.cat([F.relu(skip), bilinear((11, 15), align_corners=True)(F.relu(x))], 1)

    def other(x, skip):
        return jnp.concatenate([jax.nn.relu(skip), by_jax((11, 15))(jax.nn.relu(x))], 1)

    assert_named("resize-align-corners", one, other, x, skip)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (bilinear((11, 15)), by_jax((11, 15))),
        (bilinear((4, 5), antialias=True), by_jax((4, 5))),
        (lambda x: F.interpolate(x, (9, 11), mode="nearest-exact"), by_jax((9, 11), "nearest")),
        (lambda x: F.interpolate(x, (4, 5), mode="bicubic", antialias=True), by_jax((4, 5), "cubic")),
        (lambda x: F.pad(x, (2, 2, 1, 1), "circular"), lambda x: jnp.pad(x, ((0, 0), (0, 0), (1, 1), (2, 2)), "wrap")),
    ],
)
def test_what_the_catalogue_advises_agrees(one, other):
    assert_nothing_claimed(one, other, X)


@pytest.mark.parametrize("other", [lambda x: jnp.sin(by_jax((11, 15))(x)), lambda x: by_jax((11, 15), "lanczos5")(x)])
def test_of_something_else_nothing_is_claimed(other):
    assert_nothing_claimed(bilinear((11, 15)), other, X)
