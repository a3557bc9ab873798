"""Refusals of what is no box, score or grid: each names the argument, what came and what was expected.

Sizes are looked at in plain arrays only: in an emulated arithmetic, rounding may turn an empty box inside out.
"""

from math import inf

import numpy as np


def rows_of_four(name, B):
    """The last axis must be a box's four numbers."""
    if B.ndim == 0 or B.shape[-1] != 4:
        raise ValueError(f"{name} has shape {B.shape}; expected boxes (.., 4)")


def corners(name, B):
    """Boxes x1 y1 x2 y2 of finite numbers, none with x2 < x1 or y2 < y1; no boxes at all are fine."""
    rows_of_four(name, B)
    finite(name, B)
    if np.any(wrong := inverted(B, np.less)):
        raise ValueError(f"{name} holds the box {first(B, wrong)}; expected x1 <= x2 and y1 <= y2")


def positive_corners(name, B):
    """Corners of boxes that have an area."""
    corners(name, B)
    if np.any(wrong := inverted(B, np.less_equal)):
        raise ValueError(f"{name} holds the box {first(B, wrong)}; expected a width and height above 0")


def sizes(name, S):
    """Widths and heights (.., 2), such as those of anchors: finite and above 0."""
    if S.ndim == 0 or S.shape[-1] != 2 or S.size == 0:
        raise ValueError(f"{name} has shape {S.shape}; expected sizes (.., 2), width and height, of at least one box")
    finite(name, S)
    if np.any(wrong := (S.real <= 0).any(axis=-1)):
        raise ValueError(f"{name} holds the size {first(S, wrong)}; expected a width and height above 0")


def finite(name, X):
    """No number may be NaN or infinite."""
    if not np.all(known := np.isfinite(X)):
        place = tuple(int(i) for i in np.argwhere(~known)[0])
        raise ValueError(f"{name} holds {X[place]} at index {place}; expected finite numbers")


def same_shape(name, X, other, Y):
    """X must have the shape of Y, which is called `other`."""
    if X.shape != Y.shape:
        raise ValueError(f"{name} has shape {X.shape}; expected {Y.shape}, the shape of {other}")


def one_each(name, values, other, B):
    """A vector with one value for each of the boxes B (k, 4)."""
    if values.shape != B.shape[:1]:
        raise ValueError(f"{name} has shape {values.shape}; expected {B.shape[:1]}, one for each of {other}")


def class_numbers(name, classes, count, least=0):
    """Whole numbers from `least` (-1 where it stands for no object) to count - 1."""
    values = classes.real
    if np.any(wrong := (values != np.floor(values)) | (values < least) | (values >= count)):
        raise ValueError(f"{name} holds {values[wrong][0]}; expected whole numbers from {least} to {count - 1}")


def regions(name, rois, m):
    """Rows (image number, x1, y1, x2, y2) on m images; no regions at all are fine."""
    if rois.ndim != 2 or rois.shape[1] != 5:
        raise ValueError(f"{name} has shape {rois.shape}; expected regions (r, 5): image number, x1, y1, x2, y2")
    class_numbers(f"the first column of {name}, the image number,", rois[:, 0], m)
    corners(name, rois[:, 1:])


def positive_weights(name, values):
    """Four numbers above 0, one for each number of a box."""
    if len(values) != 4 or not all(0 < value < inf for value in values):
        raise ValueError(f"{name} is {tuple(values)}; expected four numbers above 0")


def positive_ratios(name, values):
    """Ratios of height to width: at least one, all above 0."""
    if not values or not all(0 < value < inf for value in values):
        raise ValueError(f"{name} is {tuple(values)}; expected ratios h/w above 0")


def fraction(name, value):
    """A threshold or weight from 0 to 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is {value}; expected a number from 0 to 1")


def image_size(name, size):
    """A height and a width of at least one pixel."""
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"{name} is {tuple(size)}; expected a height and a width of at least 1")


def divisible(name, size, stride):
    """A height and a width that a grid of cells of `stride` pixels covers."""
    image_size(name, size)
    if stride < 1 or any(n % stride for n in size):
        hint = "; fit the image into such a size with letterbox"
        raise ValueError(f"{name} is {tuple(size)}; expected a height and width divisible by {stride}{hint}")


def objects(name, Y, size, count):
    """Rows x y w h class (m, n, 5), centres inside the image of (height, width), sizes above 0; class -1 is none."""
    if Y.ndim != 3 or Y.shape[2] != 5:
        raise ValueError(f"{name} has shape {Y.shape}; expected objects (m, n, 5), x y w h class")
    finite(name, Y)
    class_numbers(f"{name}'s class", Y[..., 4], count, least=-1)
    x, y, w, h = (Y[..., i].real for i in range(4))
    fits = (x >= 0) & (x <= size[1]) & (y >= 0) & (y <= size[0]) & (w > 0) & (h > 0)
    if np.any(wrong := (Y[..., 4].real >= 0) & ~fits):
        place = f"the image of height and width {tuple(size)}"
        raise ValueError(f"{name} holds the object {first(Y, wrong)}; expected a centre in {place}, a size above 0")


def scales(size, strides, anchors):
    """A stride and at least one anchor (width, height) for each scale, into whose cells the image divides."""
    if len(strides) != len(anchors) or not strides:
        raise ValueError(f"anchors are given for {len(anchors)} scales; expected {len(strides)}, one for each stride")
    for stride, each in zip(strides, anchors):
        divisible("size", size, stride)
        sizes("anchors", np.array(each))


def inverted(B, compare):
    """Where x2 or y2 compares so with x1 or y1."""
    return isinstance(B, np.ndarray) and compare(B[..., 2:].real, B[..., :2].real).any(axis=-1)


def first(X, wrong):
    """The first of the rows that are wrong."""
    return X.real[wrong][0]
