"""Anchors: the sizes of boxes that a detector starts from, and the slots in which it can place them.

    size_iou   |S and A| / |S or A| of sizes laid on one centre
    k_means    each size joins the anchor with the largest IoU (the first of equal ones), each anchor becomes the mean
               of its sizes (one without sizes stays); `steps` times
    slots      one for each anchor of each cell of each scale: column, row, stride, p_w, p_h; scale by scale, in these
               row by row, and the anchors of a cell in their order

Sizes S [k 2] and A [a 2] are width, height in pixels. Distances of sizes would let the large boxes decide; 1 - IoU has
no scale. Slots [s 5]: every head's output is brought into their order, so that one formula decodes all scales.
Sources: Course 4, week 3, "Anchor boxes"; Redmon & Farhadi 2017 (k-means by IoU), 2018 (scales).
"""

import numpy as np

from reference.checks import whole
from reference.detection.checks import scales, sizes


def size_iou(S, A):
    """[.. k a]"""
    w, h = (np.minimum(S[..., :, None, i], A[..., None, :, i]) for i in range(2))
    common = w * h
    return common / (area(S)[..., :, None] + area(A)[..., None, :] - common)


def k_means(S, start, steps=20):
    """The anchors [a 2] that the sizes S gather around, from `start` [a 2]; the smaller area first."""
    sizes("S", S)
    sizes("start", start)
    whole("steps", steps)
    A = start
    for _ in range(steps):
        nearest = size_iou(S, A).argmax(axis=1)
        members = nearest[:, None] == np.arange(len(A))
        count = members.sum(axis=0)[:, None]
        total = np.where(members[:, :, None], S[:, None], 0).sum(axis=0)
        A = np.where(count > 0, total / np.where(count > 0, count, 1), A)
    return A[np.argsort(area(A), kind="stable")]


def slots(size, strides, anchors):
    """The table [s 5] for an image of (height, width), from a stride and anchors (w, h) for each scale."""
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


def slots_for(X, size, strides, anchors):
    """The table in the precision of X."""
    return np.asarray(slots(size, strides, anchors), np.result_type(X.real.dtype, 1.0))


def area(S):
    return S[..., 0] * S[..., 1]
