"""Which slot of the grid is responsible for which object.

    An object belongs to the cell that its centre lies in: left edge <= x < right edge, and the same for y; the last
    column and row have their far edge too. The objects have their turns in the order of the list: each takes, of the
    free slots of its cells (one cell a scale), that whose anchor has the largest IoU with its size, the first of equal
    ones. If none is free, the object is left out: more objects than anchors in a cell.

    assign    the index of the object that each slot holds, -1 for none                                   [m s]
    targets   the notes' p_c b_x b_y b_h b_w c_1 .. c_k of each slot, zeros where there is no object      [m s 5+k]

Objects Y [m n 5] are rows x y w h class in pixels, class -1 where an image has fewer than n. One scale of a 3 x 3 grid
with 2 anchors and 3 classes gives targets [m 18 8], the notes' 3 x 3 x 2 x 8. No gradient is taken by any of it.
Sources: Course 4, week 3, "Anchor boxes", "YOLO algorithm".
"""

import numpy as np

from reference.detection.anchors import size_iou, slots_for
from reference.detection.checks import objects


def assign(Y, size, strides, anchors):
    table = slots_for(Y, size, strides, anchors)
    fits = size_iou(Y[..., 2:4], table[:, 3:])
    inside = holds(Y, table, size)
    owner, places = np.full((len(Y), len(table)), -1), np.arange(len(table))
    for j in range(Y.shape[1]):
        open_to = inside[:, j] & (owner < 0)
        best = np.where(open_to, fits[:, j].real, -1).argmax(axis=1)[:, None]
        owner = np.where(open_to & (places == best), j, owner)
    return owner


def holds(Y, table, size):
    """Whether the object is one, and its centre in the slot's cell: [m n s]."""
    column, row, stride = table.T[:3]
    within = [
        (edge * stride <= v) & ((v < (edge + 1) * stride) | (v == limit) & ((edge + 1) * stride == limit))
        for edge, v, limit in zip((column, row), (Y[..., 0:1].real, Y[..., 1:2].real), size[::-1])
    ]
    return within[0] & within[1] & (Y[..., 4:5].real >= 0)


def targets(Y, size, strides, anchors, count):
    """For `count` classes."""
    objects("Y", Y, size, count)
    owner = assign(Y, size, strides, anchors)
    column, row, stride, _, _ = slots_for(Y, size, strides, anchors).T
    x, y, w, h, kind = held(Y, owner)
    box = [x / stride - column, y / stride - row, h / stride, w / stride]
    classes = [np.where(kind == i, 1, 0) for i in range(count)]
    return np.stack([np.where(owner >= 0, number, 0) for number in [np.ones_like(x), *box, *classes]], axis=-1)


def held(Y, owner):
    """The five numbers, each [m s], of the object that a slot holds; of any object where it holds none."""
    if Y.shape[1] == 0:
        return [0 * owner] * 5
    found = np.take_along_axis(Y, np.maximum(owner, 0)[..., None], axis=1)
    return [found[..., i] for i in range(5)]
