"""Data for detectors. Targets and regions are of dyadic fractions, so that exact runs take them too."""

from __future__ import annotations

import numpy as np

from crosscheck.axes import Array

Rng = np.random.Generator


def weights(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Multiples of 1/4, a zero and a 1 among them."""
    values = rng.integers(0, 5, sizes) / 4
    values.flat[:2] = (0, 1)[: values.size]
    return np.asarray(values)


def localization(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Columns [p_c, b_x, b_y, b_h, b_w, c_1, ..., c_k], some of nothing: what then follows p_c is noise."""
    presence, rest = gated(rng, sizes)
    boxes, classes = rest[:4], rest[4:]
    chosen = np.arange(len(classes))[:, None] == rng.integers(0, len(classes), sizes[1])
    return np.concatenate([presence, boxes, np.where(presence == 1, chosen, classes)])


def class_or_none(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """0, 1 or 2, or -1 where there is nothing."""
    return np.asarray(rng.permutation(np.arange(np.prod(sizes)) % 4).reshape(sizes) - 1.0)


def priorities(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Numbers between 0 and 1, all different."""
    count = int(np.prod(sizes))
    return np.asarray((2 * rng.permutation(count).reshape(sizes) + 1) / 2 ** (count.bit_length() + 1))


def landmarks(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Columns [p_c, l_1x, l_1y, ...], some of nothing: what then follows p_c is noise."""
    return np.concatenate(gated(rng, sizes))


def gated(rng: Rng, sizes: tuple[int, ...]) -> tuple[Array, Array]:
    presence = rng.permutation(np.arange(sizes[1]) % 3 > 0)[None].astype(float)
    return presence, rng.integers(1, 32, (sizes[0] - 1, sizes[1])) / 16


def regions(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Rows (image, x1, y1, x2, y2) of two images, in odd eighths of a pixel, which noise rounds to no other pixel; some
    reach over the edges of small images."""
    near = (2 * rng.integers(-4, 28, (sizes[0], 2)) + 1) / 8
    far = near + rng.integers(2, 29, (sizes[0], 2)) / 4
    return np.concatenate([rng.permutation(np.arange(sizes[0]) % 2)[:, None], near, far], axis=1)


def rectangles(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Rows (.., x1, y1, x2, y2) that often overlap, no two alike: what noise could exchange would be no decision."""
    near = rng.uniform(-2, 2, (*sizes[:-1], 2))
    return np.concatenate([near, near + rng.uniform(1, 8, near.shape)], axis=-1)


KINDS = {
    kind.__name__: kind for kind in (weights, localization, class_or_none, priorities, landmarks, regions, rectangles)
}
