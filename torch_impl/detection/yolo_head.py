"""A detector's raw numbers (m, s, 5 + k), t_c t_x t_y t_h t_w t_1 .. t_k, to boxes, confidence and classes.

b_x = (sigmoid(t_x) + column) stride     b_w = p_w e^t_w     p_c = sigmoid(t_c)     c = softmax(t_1 .. t_k)
"""

import torch

from torch_impl.detection.anchors import slots_for
from torch_impl.detection.boxes import corner_from_center


def decode(z, size, strides, anchors):
    """Corners (m, s, 4), confidence (m, s) and class probabilities (m, s, k)."""
    column, row, stride, anchor_w, anchor_h = table_for(z, size, strides, anchors).T
    t_c, t_x, t_y, t_h, t_w = z[..., :5].unbind(-1)
    x, y = (torch.sigmoid(t_x) + column) * stride, (torch.sigmoid(t_y) + row) * stride
    boxes = torch.stack([x, y, torch.exp(t_w) * anchor_w, torch.exp(t_h) * anchor_h], dim=-1)
    return corner_from_center(boxes), torch.sigmoid(t_c), torch.softmax(z[..., 5:], dim=-1)


def table_for(z, size, strides, anchors):
    """The slots, which the shape of z must fit."""
    table = slots_for(z, size, strides, anchors)
    if z.ndim != 3 or z.shape[1] != len(table) or z.shape[2] < 6:
        shape = tuple(z.shape)
        raise ValueError(f"z has shape {shape}; expected (m, {len(table)}, 5 + k), a row a slot and k >= 1 classes")
    return table
