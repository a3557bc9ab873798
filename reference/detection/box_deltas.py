"""Box deltas: how a detector says where a box is, as seen from one that is given, an anchor or a proposal.

    encode   t_x = w_1 (x - x_a)/w_a    t_y = w_2 (y - y_a)/h_a    t_w = w_3 log(w/w_a)    t_h = w_4 log(h/h_a)
    decode   x = x_a + w_a t_x/w_1      y = y_a + h_a t_y/w_2      w = w_a e^(t_w/w_3)     h = h_a e^(t_h/w_4)

with centres x y and sizes w h, between corners x1 y1 x2 y2: a shift in units of the given box, and a ratio of sizes,
whose exponent is cut off at log(1000/16), so that a wild t_w makes no infinite box; there dt is 0.

    dt_x = w_a dx/w_1      dt_w = w dw/w_3, where  dx = dx1 + dx2,  dw = (dx2 - dx1)/2

B, A, T [.. k 4], one given box A for each. The `weights` make all four of a size for the loss; (10, 10, 5, 5) in Fast
R-CNN. A is a constant: no gradient is taken by it. Sources: Girshick et al. 2014 (R-CNN); Ren et al. 2015.
"""

import math

import numpy as np

from reference.detection.boxes import center_from_corner, corner_from_center
from reference.detection.checks import finite, positive_corners, positive_weights, same_shape

LIMIT = math.log(1000 / 16)


def encode(B, A, weights=(1, 1, 1, 1)):
    compared("B", B, A, weights)
    positive_corners("B", B)
    (C, back_center), (C_a, _) = center_from_corner(B), center_from_corner(A)
    size, size_a = C[..., 2:], C_a[..., 2:]

    def back(dT):
        return back_center(times(dT, weights) / np.concatenate([size_a, size], axis=-1))

    return times(np.concatenate([(C - C_a)[..., :2] / size_a, np.log(size / size_a)], axis=-1), weights), back


def decode(T, A, weights=(1, 1, 1, 1)):
    compared("T", T, A, weights)
    C_a, _ = center_from_corner(A)
    middle_a, size_a = C_a[..., :2], C_a[..., 2:]
    S = over(T, weights)
    inside = S[..., 2:].real <= LIMIT
    size = size_a * np.exp(np.where(inside, S[..., 2:], LIMIT))
    B, back_corner = corner_from_center(np.concatenate([middle_a + size_a * S[..., :2], size], axis=-1))

    def back(dB):
        dC = back_corner(dB)
        return over(np.concatenate([dC[..., :2] * size_a, dC[..., 2:] * size * inside], axis=-1), weights)

    return B, back


def times(T, weights):
    return np.stack([T[..., i] * weight for i, weight in enumerate(weights)], axis=-1)


def over(T, weights):
    return np.stack([T[..., i] / weight for i, weight in enumerate(weights)], axis=-1)


def compared(name, X, A, weights):
    finite(name, X)
    positive_corners("A", A)
    same_shape(name, X, "A", A)
    positive_weights("weights", weights)
