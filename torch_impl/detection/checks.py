"""Refusals of what is no box, score or grid: each names the argument, what came and what was expected."""

from math import inf

import torch


def rows_of_four(name, boxes):
    """The last axis must be a box's four numbers."""
    if boxes.ndim == 0 or boxes.shape[-1] != 4:
        raise ValueError(f"{name} has shape {tuple(boxes.shape)}; expected boxes (.., 4)")


def corners(name, boxes):
    """Boxes x1 y1 x2 y2 of finite numbers, none with x2 < x1 or y2 < y1; no boxes at all are fine."""
    rows_of_four(name, boxes)
    finite(name, boxes)
    if (wrong := inverted(boxes, torch.lt)).any():
        raise ValueError(f"{name} holds the box {first(boxes, wrong)}; expected x1 <= x2 and y1 <= y2")


def positive_corners(name, boxes):
    """Corners of boxes that have an area."""
    corners(name, boxes)
    if (wrong := inverted(boxes, torch.le)).any():
        raise ValueError(f"{name} holds the box {first(boxes, wrong)}; expected a width and height above 0")


def sizes(name, sizes):
    """Widths and heights (.., 2), such as those of anchors: finite and above 0."""
    if sizes.ndim == 0 or sizes.shape[-1] != 2 or sizes.numel() == 0:
        shape = tuple(sizes.shape)
        raise ValueError(f"{name} has shape {shape}; expected sizes (.., 2), width and height, of at least one box")
    finite(name, sizes)
    if (wrong := (sizes <= 0).any(dim=-1)).any():
        raise ValueError(f"{name} holds the size {first(sizes, wrong)}; expected a width and height above 0")


def finite(name, x):
    """No number may be NaN or infinite."""
    if not (known := x.isfinite()).all():
        place = tuple((~known).nonzero()[0].tolist())
        raise ValueError(f"{name} holds {x[place].item()} at index {place}; expected finite numbers")


def same_shape(name, x, other, y):
    """x must have the shape of y, which is called `other`."""
    if x.shape != y.shape:
        raise ValueError(f"{name} has shape {tuple(x.shape)}; expected {tuple(y.shape)}, the shape of {other}")


def one_each(name, values, other, boxes):
    """A vector with one value for each of the boxes (k, 4)."""
    if values.shape != boxes.shape[:1]:
        found, expected = tuple(values.shape), tuple(boxes.shape[:1])
        raise ValueError(f"{name} has shape {found}; expected {expected}, one for each of {other}")


def class_numbers(name, classes, count, least=0):
    """Whole numbers from `least` (-1 where it stands for no object) to count - 1."""
    if (wrong := (classes != torch.floor(classes)) | (classes < least) | (classes >= count)).any():
        found = classes[wrong][0].item()
        raise ValueError(f"{name} holds {found}; expected whole numbers from {least} to {count - 1}")


def regions(name, rois, m):
    """Rows (image number, x1, y1, x2, y2) on m images; no regions at all are fine."""
    if rois.ndim != 2 or rois.shape[1] != 5:
        raise ValueError(f"{name} has shape {tuple(rois.shape)}; expected regions (r, 5): image number, x1, y1, x2, y2")
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
        raise ValueError(f"{name} has shape {tuple(Y.shape)}; expected objects (m, n, 5), x y w h class")
    finite(name, Y)
    class_numbers(f"{name}'s class", Y[..., 4], count, least=-1)
    x, y, w, h = (Y[..., i] for i in range(4))
    fits = (x >= 0) & (x <= size[1]) & (y >= 0) & (y <= size[0]) & (w > 0) & (h > 0)
    if (wrong := (Y[..., 4] >= 0) & ~fits).any():
        place = f"the image of height and width {tuple(size)}"
        raise ValueError(f"{name} holds the object {first(Y, wrong)}; expected a centre in {place}, a size above 0")


def scales(size, strides, anchors):
    """A stride and at least one anchor (width, height) for each scale, into whose cells the image divides."""
    if len(strides) != len(anchors) or not strides:
        raise ValueError(f"anchors are given for {len(anchors)} scales; expected {len(strides)}, one for each stride")
    for stride, each in zip(strides, anchors):
        divisible("size", size, stride)
        sizes("anchors", torch.tensor(each, dtype=torch.float64))


def inverted(boxes, compare):
    """Where x2 or y2 compares so with x1 or y1."""
    return compare(boxes[..., 2:], boxes[..., :2]).any(dim=-1)


def first(rows, wrong):
    """The first of the rows that are wrong, as a list."""
    return rows[wrong][0].tolist()
