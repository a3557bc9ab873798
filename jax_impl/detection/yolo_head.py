"""A detector's raw numbers (m, s, 5 + k), t_c t_x t_y t_h t_w t_1 .. t_k, to boxes, confidence and classes.

b_x = (sigmoid(t_x) + column) stride     b_w = p_w e^t_w     p_c = sigmoid(t_c)     c = softmax(t_1 .. t_k)
"""

import jax
import jax.numpy as jnp

from jax_impl.detection.anchors import slots_for
from jax_impl.detection.boxes import corner_from_center


def decode(z, size, strides, anchors):
    """Corners (m, s, 4), confidence (m, s) and class probabilities (m, s, k)."""
    column, row, stride, anchor_w, anchor_h = table_for(z, size, strides, anchors).T
    t_c, t_x, t_y, t_h, t_w = jnp.unstack(z[..., :5], axis=-1)
    x, y = (jax.nn.sigmoid(t_x) + column) * stride, (jax.nn.sigmoid(t_y) + row) * stride
    boxes = jnp.stack([x, y, jnp.exp(t_w) * anchor_w, jnp.exp(t_h) * anchor_h], axis=-1)
    return corner_from_center(boxes), jax.nn.sigmoid(t_c), jax.nn.softmax(z[..., 5:], axis=-1)


def table_for(z, size, strides, anchors):
    """The slots, which the shape of z must fit."""
    table = slots_for(z, size, strides, anchors)
    if z.ndim != 3 or z.shape[1] != len(table) or z.shape[2] < 6:
        raise ValueError(f"z has shape {z.shape}; expected (m, {len(table)}, 5 + k), a row a slot and k >= 1 classes")
    return table
