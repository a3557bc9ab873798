"""Anchors: the sizes of boxes that a detector starts from, and the slots in which it can place them.

Sizes (k, 2) are width, height in pixels, compared by IoU as if laid on one centre. A slot is one anchor of one cell of
one scale; slots are ordered scale by scale, row by row, cell by cell, and by the anchors of a cell.
"""

import torch

from torch_impl.checks import whole
from torch_impl.detection.checks import scales, sizes


def size_iou(sizes, anchors):
    """(.., k, a)"""
    w, h = torch.minimum(sizes[..., :, None, :], anchors[..., None, :, :]).unbind(-1)
    common = w * h
    return common / (area(sizes)[..., :, None] + area(anchors)[..., None, :] - common)


def k_means(box_sizes, start, steps=20):
    """The anchors (a, 2) that the sizes gather around, from `start` (a, 2); the smaller area first."""
    sizes("box_sizes", box_sizes)
    sizes("start", start)
    whole("steps", steps)
    anchors = start
    for _ in range(steps):
        nearest = size_iou(box_sizes, anchors).argmax(dim=1)
        members = (nearest[:, None] == torch.arange(len(anchors), device=start.device)).to(start.dtype)
        count = members.sum(dim=0)[:, None]
        anchors = torch.where(count > 0, members.T @ box_sizes / count.clamp(min=1), anchors)
    return anchors[torch.argsort(area(anchors), stable=True)]


def slots(size, strides, anchors):
    """The table (s, 5) of column, row, stride, anchor width and height for an image of (height, width)."""
    scales(size, strides, anchors)
    height, width = size
    rows = [
        (column, row, stride, *anchor)
        for stride, own in zip(strides, anchors)
        for row in range(height // stride)
        for column in range(width // stride)
        for anchor in own
    ]
    return torch.tensor(rows, dtype=torch.float64)


def slots_for(x, size, strides, anchors):
    """The table in the precision of x and where it is."""
    return slots(size, strides, anchors).to(x)


def area(sizes):
    return sizes[..., 0] * sizes[..., 1]
