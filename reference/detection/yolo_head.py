"""A detector's raw numbers t to boxes, confidence and classes; all slots of all scales at once.

    b_x = (sigmoid(t_x) + column) stride        p_c = sigmoid(t_c)
    b_y = (sigmoid(t_y) + row) stride           c = softmax(t_1 .. t_k)
    b_w = p_w e^t_w,  b_h = p_h e^t_h           then corners

Z [m s 5+k] in the notes' order t_c t_x t_y t_h t_w t_1 .. t_k -> B [m s 4], p_c [m s], c [m s k], for the slots that
`size`, `strides` and `anchors` make (anchors.py); p_w, p_h are in pixels, like the boxes. The centre cannot leave its
cell. Sources: Course 4, week 3, "YOLO algorithm"; Redmon & Farhadi 2017, "Direct location prediction".
"""

import numpy as np

from reference.detection.anchors import slots_for
from reference.detection.boxes import corner_from_center
from reference.layers.activations import sigmoid, softmax


def decode(Z, size, strides, anchors):
    column, row, stride, p_w, p_h = table_for(Z, size, strides, anchors).T
    A, back_sigmoid = sigmoid(Z[..., :3])
    E = np.exp(Z[..., 3:5])
    middle = [(A[..., 1] + column) * stride, (A[..., 2] + row) * stride]
    B, back_corner = corner_from_center(np.stack([*middle, E[..., 1] * p_w, E[..., 0] * p_h], axis=-1))
    P, back_softmax = softmax(np.moveaxis(Z[..., 5:], -1, 0))

    def back(dB, dconfidence, dP):
        dx, dy, dw, dh = (back_corner(dB)[..., i] for i in range(4))
        dA = np.stack([dconfidence, dx * stride, dy * stride], axis=-1)
        dE = np.stack([dh * p_h, dw * p_w], axis=-1)
        dlogits = np.moveaxis(back_softmax(np.moveaxis(dP, -1, 0)), 0, -1)
        return np.concatenate([back_sigmoid(dA), dE * E, dlogits], axis=-1)

    return (B, A[..., 0], np.moveaxis(P, 0, -1)), back


def table_for(Z, size, strides, anchors):
    """The slots, which the shape of Z must fit."""
    table = slots_for(Z, size, strides, anchors)
    if Z.ndim != 3 or Z.shape[1] != len(table) or Z.shape[2] < 6:
        raise ValueError(f"Z has shape {Z.shape}; expected (m, {len(table)}, 5 + k), a row a slot and k >= 1 classes")
    return table
