"""Anchors: the sizes of boxes that a detector starts from, and the slots in which it can place them.

Sizes (k, 2) are width, height in pixels, compared by IoU as if laid on one centre. A slot is one anchor of one cell of
one scale; slots are ordered scale by scale, row by row, cell by cell, and by the anchors of a cell.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jax_impl.checks import whole
from jax_impl.detection.checks import scales, sizes


def size_iou(sizes, anchors):
    """(.., k, a)"""
    w, h = jnp.unstack(jnp.minimum(sizes[..., :, None, :], anchors[..., None, :, :]), axis=-1)
    common = w * h
    return common / (area(sizes)[..., :, None] + area(anchors)[..., None, :] - common)


def k_means(box_sizes, start, steps=20):
    """The anchors (a, 2) that the sizes gather around, from `start` (a, 2); the smaller area first."""
    sizes("box_sizes", box_sizes)
    sizes("start", start)
    whole("steps", steps)

    def step(_, anchors):
        nearest = size_iou(box_sizes, anchors).argmax(axis=1)
        members = jax.nn.one_hot(nearest, len(anchors), dtype=anchors.dtype)
        count = members.sum(axis=0)[:, None]
        return jnp.where(count > 0, members.T @ box_sizes / jnp.maximum(count, 1), anchors)

    anchors = jax.lax.fori_loop(0, steps, step, jnp.asarray(start))
    return anchors[jnp.argsort(area(anchors), stable=True)]


def slots(size, strides, anchors):
    """The table (s, 5) of column, row, stride, anchor width and height for an image of (height, width)."""
    scales(size, strides, anchors)
    height, width = size
    return np.array(
        [
            (column, row, stride, *anchor)
            for stride, own in zip(strides, anchors)
            for row in range(height // stride)
            for column in range(width // stride)
            for anchor in own
        ]
    )


def slots_for(x, size, strides, anchors):
    """The table in the precision of x."""
    return jnp.asarray(slots(size, strides, anchors), x.dtype)


def area(sizes):
    return sizes[..., 0] * sizes[..., 1]
