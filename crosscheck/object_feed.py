"""Data for one-stage detectors: objects x y w h class in images of 32 x 32 pixels, of three classes, to quarters of a
pixel."""

from __future__ import annotations

import numpy as np

from crosscheck.axes import Array

Rng = np.random.Generator
PIXELS, CLASSES = 32, 3


def objects(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Centres that lie on no border of cells of 8 pixels; the last image lacks an object."""
    middle = 8 * rng.integers(0, 4, (*sizes[:-1], 2)) + rng.integers(1, 32, (*sizes[:-1], 2)) / 4
    return labeled(rng, middle)


def border_objects(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Centres on borders of cells of 8 pixels, the image's own edges among them."""
    middle = rng.integers(0, 9, (*sizes[:-1], 2)) * 4.0
    middle.flat[:4] = (PIXELS, PIXELS, 0, 16)[: middle.size]
    return labeled(rng, middle)


def labeled(rng: Rng, middle: Array) -> Array:
    """With sizes that differ from each other and from any anchor, and a class; -1 for the very last."""
    size = rng.permutation(np.arange(middle.size)).reshape(middle.shape) / 4 + 3.125
    classes = rng.integers(0, CLASSES, (*middle.shape[:-1], 1)).astype(float)
    classes.flat[-1] = -1
    return np.concatenate([middle, size, classes], axis=-1)


def recalls(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """A recall that grows by one of 16 objects or stays, and reaches tenths exactly at no place."""
    return np.asarray(np.minimum(rng.integers(0, 2, sizes).cumsum() + 1, 16) / 16)


KINDS = {kind.__name__: kind for kind in (objects, border_objects, recalls)}
