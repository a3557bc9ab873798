"""The loss of a YOLO detector, a mean over the images of a sum over the slots.

    J = 1/m sum  coordinate_weight [object] box
                 + [object] logistic(t_c, 1) + no_object_weight [no object, not ignored] logistic(t_c, 0)
                 + [object] cross-entropy(t_1 .. t_k, class)

    box   "squared"          1/2 ((sigmoid(t_x) - b_x)^2 + (sigmoid(t_y) - b_y)^2 + (t_h - log b_h/p_h)^2 + ..w)
          "giou", "ciou"     that loss of the decoded corners

A slot that holds no object is ignored if its box overlaps an object of the image by an IoU above `ignore`: it found
something, only not as the one responsible. Z [m s 5+k] as in yolo_head.py, Y [m n 5] as in assignment.py. Which slot is
responsible and which are ignored is decided, not differentiated. An object on a border of cells has b_x = 0, which a
sigmoid nears and never reaches: the squared form keeps a finite slope there.
Sources: Redmon et al. 2016, equation 3; Redmon & Farhadi 2018, section 2.1.
"""

import numpy as np

from reference.checks import non_negative, one_of
from reference.detection.assignment import targets
from reference.detection.box_losses import ciou_loss, giou_loss
from reference.detection.boxes import center_from_grid, corner_from_center, iou
from reference.detection.checks import fraction
from reference.detection.yolo_head import decode, table_for
from reference.layers.activations import sigmoid, softmax

BOX_LOSSES = {"giou": giou_loss, "ciou": ciou_loss}


def yolo_loss(
    Z, Y, size, strides, anchors, coordinate_weight=5.0, no_object_weight=0.5, ignore=0.5, regression="squared"
):
    one_of("regression", regression, ("squared", *BOX_LOSSES))
    non_negative("coordinate_weight", coordinate_weight)
    non_negative("no_object_weight", no_object_weight)
    fraction("ignore", ignore)
    T, table = targets(Y, size, strides, anchors, Z.shape[2] - 5), table_for(Z, size, strides, anchors)
    (B, _, _), back_decode = decode(Z, size, strides, anchors)
    present = T[..., 0].real > 0
    weights = np.where(present, 1, np.where(ignored(B, Y, ignore), 0, no_object_weight))
    if regression == "squared":
        box, back_box = squared_box(Z, T, table, present)
    else:
        box, back_box = overlap_box(B, T, table, present, BOX_LOSSES[regression], back_decode)
    confidence, back_confidence = logistic(Z[..., 0], T[..., 0])
    classes, back_classes = cross_entropy(Z[..., 5:], T[..., 5:])
    L = coordinate_weight * np.where(present, box, 0) + weights * confidence + np.where(present, classes, 0)
    m = len(Z)

    def back(dJ):
        dL = dJ * present / m
        dt_c = back_confidence(dJ * weights / m)
        return np.concatenate([dt_c[..., None], back_box(coordinate_weight * dL), back_classes(dL)], axis=-1)

    return L.sum() / m, back


def ignored(B, Y, ignore):
    """Whether a slot's box overlaps any object by more: [m s]."""
    truth, _ = corner_from_center(np.where(Y[..., 4:].real >= 0, Y[..., :4].real, 0))  # empty: no overlap
    return (iou(B.real, truth) > ignore).any(axis=2)


def squared_box(Z, T, table, present):
    """1/2 the squares, [m s], and their pullback to t_x t_y t_h t_w."""
    _, _, stride, p_w, p_h = table.T
    S, back_sigmoid = sigmoid(Z[..., 1:3])
    size = np.where(present[..., None], T[..., 3:5], 1) * np.stack([stride / p_h, stride / p_w], axis=-1)
    E = np.concatenate([S - T[..., 1:3], Z[..., 3:5] - np.log(size)], axis=-1)

    def back(dL):
        dE = dL[..., None] * E
        return np.concatenate([back_sigmoid(dE[..., :2]), dE[..., 2:]], axis=-1)

    return (E * E).sum(axis=-1) / 2, back


def overlap_box(B, T, table, present, loss, back_decode):
    """A loss of corners, with boxes of size 1 where no object is."""
    column, row, stride, _, _ = table.T
    cell = np.stack([row, column], axis=-1)
    truth, _ = corner_from_center(center_from_grid(cell, T[..., 1:5], stride[:, None]))
    truth, B = (np.where(present[..., None], box, [0, 0, 1, 1]) for box in (truth, B))
    L, back_loss = loss(B.reshape(-1, 4), truth.reshape(-1, 4))

    def back(dL):
        dB = back_loss(dL.reshape(-1)).reshape(B.shape)
        nothing = 0 * dL
        return back_decode(dB, nothing, nothing[..., None])[..., 1:5]

    return L.reshape(present.shape), back


def logistic(z, y):
    """max(z, 0) - z y + log(1 + e^-|z|) for each."""
    A, _ = sigmoid(z)

    def back(dL):
        return dL * (A - y)

    return np.where(z.real > 0, z, 0) - z * y + np.log1p(np.exp(-z * np.sign(z.real))), back


def cross_entropy(logits, Y):
    """-log softmax of the class, over the last axis."""
    shifted = logits - logits.real.max(axis=-1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    P, _ = softmax(np.moveaxis(logits, -1, 0))

    def back(dL):
        return dL[..., None] * (np.moveaxis(P, 0, -1) - Y)

    return (Y * (log_sum - shifted)).sum(axis=-1), back
