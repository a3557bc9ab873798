"""Scenes of shapes on photographs, made by a fixed generator: scene number i of a seed is always the same.

Discs, squares and triangles of 9 to 30 pixels, each of a scene in another colour, lie on a piece of one of the two
photographs that come with scikit-learn. Some lie partly on each other, the smaller in front, and in every fourth scene
a small one lies on the middle of a large one, in the same cell of the grid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations

import numpy as np
from sklearn.datasets import load_sample_images

from crosscheck.axes import Array

Rng = np.random.Generator
SIZE = 64
CLASSES = ("disc", "square", "triangle")
MOST = 4
"""The most objects in a scene."""
COVERED = 0.3
"""The largest IoU of two objects."""
FINE = 4
"""Pixels are averages of so many by so many samples."""


@dataclass(frozen=True)
class Scenes:
    """Pictures [m h w c] from 0 to 1, and their objects [m n 5] x y w h class in pixels, class -1 for none."""

    pictures: Array
    objects: Array

    def __len__(self) -> int:
        return len(self.pictures)


@cache
def make(count: int, seed: int) -> Scenes:
    scenes = [scene(np.random.default_rng([seed, i]), crowded=i % 4 == 0) for i in range(count)]
    return Scenes(np.stack([picture for picture, _ in scenes]), np.stack([objects for _, objects in scenes]))


def scene(rng: Rng, crowded: bool) -> tuple[Array, Array]:
    picture, placed = background(rng), np.full((MOST, 5), -1.0)
    wanted = place_on_each_other(rng) if crowded else []
    for _ in range(rng.integers(1, MOST + 1) - len(wanted)):
        candidate = place(rng)
        if all(overlap(candidate, other) <= COVERED for other in wanted):
            wanted.append(candidate)
    wanted.sort(key=lambda one: -one[2])
    for i, ((x, y, size), color) in enumerate(zip(wanted, colors(rng))):
        kind = int(rng.integers(len(CLASSES)))
        mask = SHAPES[kind](samples() - x, samples()[:, None] - y, size / 2)
        share = mask.reshape(SIZE, FINE, SIZE, FINE).mean(axis=(1, 3))[..., None]
        picture = picture * (1 - share) + share * color
        placed[i] = (x, y, size, size, kind)
    return picture, placed


def place(rng: Rng) -> tuple[float, float, float]:
    size = rng.uniform(9, 30)
    x, y = rng.uniform(size / 2, SIZE - size / 2, 2)
    return float(x), float(y), float(size)


def place_on_each_other(rng: Rng) -> list[tuple[float, float, float]]:
    """A large one, and a small one on its middle."""
    size = rng.uniform(22, 30)
    x, y = rng.uniform(size / 2, SIZE - size / 2, 2)
    return [(float(x), float(y), float(size)), (float(x), float(y), float(rng.uniform(9, 12)))]


def overlap(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    sides = [
        min(a + s / 2, b + t / 2) - max(a - s / 2, b - t / 2) for a, b, s, t in zip(one, other, *spans(one, other))
    ]
    common = max(sides[0], 0) * max(sides[1], 0)
    return common / (one[2] ** 2 + other[2] ** 2 - common)


def spans(one: Sequence[float], other: Sequence[float]) -> tuple[tuple[float, float], tuple[float, float]]:
    return (one[2], one[2]), (other[2], other[2])


def samples() -> Array:
    """Where along an axis a pixel is looked at."""
    return (np.arange(SIZE * FINE) + 0.5) / FINE


def disc(x: Array, y: Array, r: float) -> Array:
    return np.asarray(x * x + y * y <= r * r)


def square(x: Array, y: Array, r: float) -> Array:
    return np.asarray(np.maximum(abs(x), abs(y)) <= r)


def triangle(x: Array, y: Array, r: float) -> Array:
    """Base below, apex above; its box is as wide as high."""
    return np.asarray((abs(y) <= r) & (2 * abs(x) - y <= r))


SHAPES: Sequence[Callable[[Array, Array, float], Array]] = (disc, square, triangle)


def colors(rng: Rng) -> Array:
    """Strong ones [6 c], no two alike: one channel high, one low, in each order."""
    strengths = rng.uniform((0.85, 0.3, 0), (1, 0.7, 0.15), (6, 3))
    orders = rng.permutation(list(permutations(range(3))))
    return np.take_along_axis(strengths, orders, axis=1)


def background(rng: Rng) -> Array:
    """A piece of a photograph at half its size, less bright."""
    photograph = photographs()[rng.integers(len(photographs()))]
    top, left = (rng.integers(n - SIZE + 1) for n in photograph.shape[:2])
    return 0.8 * photograph[top : top + SIZE, left : left + SIZE]


@cache
def photographs() -> list[Array]:
    halved = [image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2] for image in load_sample_images().images]
    return [
        image.reshape(image.shape[0] // 2, 2, image.shape[1] // 2, 2, 3).mean(axis=(1, 3)) / 255 for image in halved
    ]
