"""Rotating and shearing: where an output pixel lies in the input, and what is there between the pixels.

    Y[m, y] = X[m, A (y - center) + center]            y = (row, column), center the middle of the image

    rotation by t, counterclockwise     A = [[cos t, sin t], [-sin t, cos t]]
    shear by s                          A = [[1, 0], [s, 1]]: a row is shifted by s times its distance from the center

A maps output to input, so it is the inverse of what is seen to happen. Between pixels X is bilinear, beyond the edge 0.
Source: Course 4, week 2, "Data augmentation".
"""

import numpy as np

from augmentation.checks import one_each, pictures


def rotate(X, degrees):
    """`degrees` for each image, or one number for all."""
    pictures("X", X)
    t = np.deg2rad(one_each("degrees", degrees, len(X)))
    return warp(X, np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]]))


def random_rotation(X, rng, largest=15.0):
    return rotate(X, rng.uniform(-largest, largest, len(X)))


def shear(X, slopes):
    """`slopes` for each image, or one number for all."""
    pictures("X", X)
    s = one_each("slopes", slopes, len(X))
    return warp(X, np.array([[s**0, 0 * s], [s, s**0]]))


def random_shear(X, rng, largest=0.2):
    return shear(X, rng.uniform(-largest, largest, len(X)))


def warp(X, A):
    """A [2 2 m] from output to input positions around the center."""
    size = np.array(X.shape[1:3]).reshape(2, 1, 1, 1)
    y = np.indices(X.shape[1:3])[:, None] - (size - 1) / 2
    return interpolated(X, np.einsum("abm,bzij->amij", A, y) + (size - 1) / 2)


def interpolated(X, positions):
    """X at positions [2 m h w], bilinear between its pixels and 0 beyond them."""
    size = np.array(X.shape[1:3]).reshape(2, 1, 1, 1)
    X_pad = np.pad(X, ((0, 0), (1, 1), (1, 1), (0, 0)))
    positions = np.clip(positions + 1, 0, size + 1)
    corner = np.minimum(np.floor(positions).astype(int), size)
    far = (positions - corner).astype(X.dtype)[..., None]
    example = np.arange(len(X))[:, None, None]

    def pixel(down, right):
        return X_pad[example, corner[0] + down, corner[1] + right]

    top = pixel(0, 0) * (1 - far[1]) + pixel(0, 1) * far[1]
    bottom = pixel(1, 0) * (1 - far[1]) + pixel(1, 1) * far[1]
    return top * (1 - far[0]) + bottom * far[0]
