"""Mirroring and cropping: a cat seen in a mirror, or from a step to the left, is a cat.

    mirror     Y[m, i, j] = X[m, i, w - 1 - j]
    crop       Y[m, i, j] = X[m, top + i, left + j]
    ten_crop   [m h w c] -> [10 m h w c]: the four corners and the center, then all five mirrored

Each image is mirrored with probability 1/2, and is cropped at a place of its own, all places being equally likely.
Sources: Course 4, week 2, "Data augmentation" and "State of computer vision"; Krizhevsky et al. 2012, section 4.1.
"""

import numpy as np

from augmentation.checks import extent, one_each, pictures


def mirror(X):
    pictures("X", X)
    return X[:, :, ::-1]


def random_mirror(X, rng):
    return np.where(rng.random((len(X), 1, 1, 1)) < 0.5, mirror(X), X)


def crop(X, size, top, left):
    """`top` and `left` for each image, or one of each for all."""
    extent("size", size)
    pictures("X", X, at_least=size)
    top, left = one_each("top", top, len(X)), one_each("left", left, len(X))
    for name, start, n, kept in (("top", top, X.shape[1], size[0]), ("left", left, X.shape[2], size[1])):
        if start.min() < 0 or start.max() > n - kept:
            raise ValueError(f"{name} goes from {start.min()} to {start.max()}; expected 0 to {n - kept}")
    rows, columns = top[:, None] + np.arange(size[0]), left[:, None] + np.arange(size[1])
    return X[np.arange(len(X))[:, None, None], rows[:, :, None], columns[:, None, :]]


def random_crop(X, size, rng):
    extent("size", size)
    pictures("X", X, at_least=size)
    top, left = (rng.integers(0, n - kept + 1, len(X)) for n, kept in zip(X.shape[1:3], size))
    return crop(X, size, top, left)


def ten_crop(X, size):
    extent("size", size)
    pictures("X", X, at_least=size)
    bottom, right = (n - kept for n, kept in zip(X.shape[1:3], size))
    corners = [(0, 0), (0, right), (bottom, 0), (bottom, right)]
    crops = [crop(X, size, top, left) for top, left in [*corners, (bottom // 2, right // 2)]]
    return np.stack(crops + [mirror(Y) for Y in crops])
