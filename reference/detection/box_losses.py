"""Losses of a predicted box B against the true box T: L [k], one a pair, 0 where they are the same.

    iou    L = 1 - IoU
    giou   L = 1 - IoU + (|hull| - |union|)/|hull|     the hull is the smallest box around both
    diou   L = 1 - IoU + rho^2/c^2                     rho between the centres, c the diagonal of the hull
    ciou   L = 1 - IoU + rho^2/c^2 + alpha v           v = 4/pi^2 (atan(w_T/h_T) - atan(w/h))^2, alpha = v/(1 - IoU + v)

B, T [k 4] corners. 1 - IoU has no slope between boxes apart, where the others still draw B towards T. alpha is a weight
and no gradient is taken by it, as its authors have it; T is data.

    dI = dIoU/|union| - dU,  dU = -dIoU IoU/|union|    since |union| = |B| + |T| - I, and IoU = I/|union|

At equal edges min and max pass on half of their gradient, and boxes that only touch none (CONVENTIONS.md, "Ties and
kinks"). Sources: Rezatofighi et al. 2019 (GIoU); Zheng et al. 2020 (DIoU, CIoU).
"""

import math

import numpy as np

from reference.detection.checks import corners, positive_corners, same_shape
from reference.layers.activations import relu


def iou_loss(B, T):
    compared(B, T)
    overlap, _, back_overlap = overlaps(B, T)

    def back(dL):
        return back_overlap(-dL, 0 * dL)

    return 1 - overlap, back


def giou_loss(B, T):
    compared(B, T)
    overlap, union, back_overlap = overlaps(B, T)
    sides, back_hull = hull(B, T)
    C, back_product = product(sides)
    C = np.where(C.real > 0, C, 1)
    missing = np.where(union.real > 0, (C - union) / C, 0)

    def back(dL):
        dC = dL * (1 - missing) / C
        return back_overlap(-dL, -dL / C) + back_hull(back_product(dC))

    return 1 - overlap + missing, back


def diou_loss(B, T):
    compared(B, T)
    overlap, _, back_overlap = overlaps(B, T)
    distance, back_distance = center_distance(B, T)

    def back(dL):
        return back_overlap(-dL, 0 * dL) + back_distance(dL)

    return 1 - overlap + distance, back


def ciou_loss(B, T):
    compared(B, T)
    positive_corners("T", T)
    overlap, _, back_overlap = overlaps(B, T)
    distance, back_distance = center_distance(B, T)
    v, back_v = aspect_difference(B, T)
    apart = 1 - overlap.real + v.real
    alpha = v.real / np.where(apart > 0, apart, 1)

    def back(dL):
        return back_overlap(-dL, 0 * dL) + back_distance(dL) + back_v(alpha * dL)

    return 1 - overlap + distance + alpha * v, back


def compared(B, T):
    corners("B", B)
    corners("T", T)
    same_shape("T", T, "B", B)


def overlaps(B, T):
    """IoU and the area of the union of each pair, and their pullback."""
    far, back_far = smaller(B[:, 2:], T[:, 2:])
    near, back_near = larger(B[:, :2], T[:, :2])
    sides, back_sides = relu(far - near)
    I, back_I = product(sides)
    own, back_own = product(B[:, 2:] - B[:, :2])
    other, _ = product(T[:, 2:] - T[:, :2])
    union = own + other - I
    divisor = np.where(union.real > 0, union, 1)
    overlap = I / divisor

    def back(doverlap, dunion):
        dU = dunion - doverlap * overlap / divisor
        dsides = back_sides(back_I(doverlap / divisor - dU))
        dspan = back_own(dU)
        return np.concatenate([-back_near(dsides) - dspan, back_far(dsides) + dspan], axis=1)

    return overlap, union, back


def center_distance(B, T):
    """rho^2/c^2"""
    gap = ((B[:, :2] - T[:, :2]) + (B[:, 2:] - T[:, 2:])) / 2
    sides, back_hull = hull(B, T)
    c2 = (sides * sides).sum(axis=1)
    c2 = np.where(c2.real > 0, c2, 1)
    distance = (gap * gap).sum(axis=1) / c2

    def back(dL):
        dgap = (dL / c2)[:, None] * gap  # 2 gap, of which each corner has a half
        dsides = -2 * (dL * distance / c2)[:, None] * sides
        return np.concatenate([dgap, dgap], axis=1) + back_hull(dsides)

    return distance, back


def aspect_difference(B, T):
    """v; a flat box's angle is that of height 1."""
    size, true_size = B[:, 2:] - B[:, :2], T[:, 2:] - T[:, :2]
    w, thick = size[:, 0], size[:, 1].real > 0
    h = np.where(thick, size[:, 1], 1)
    turn = np.arctan(true_size[:, 0] / true_size[:, 1]) - np.arctan(w / h)

    def back(dv):
        dangle = -8 / math.pi**2 * dv * turn / (w * w + h * h)
        dsize = np.stack([dangle * h, np.where(thick, -dangle * w, 0)], axis=1)
        return np.concatenate([-dsize, dsize], axis=1)

    return 4 / math.pi**2 * turn * turn, back


def hull(B, T):
    """Width and height [k 2] of the smallest box around both."""
    near, back_near = smaller(B[:, :2], T[:, :2])
    far, back_far = larger(B[:, 2:], T[:, 2:])

    def back(dsides):
        return np.concatenate([-back_near(dsides), back_far(dsides)], axis=1)

    return far - near, back


def product(sides):
    """w h of [k 2]"""

    def back(darea):
        return darea[:, None] * sides[:, ::-1]

    return sides[:, 0] * sides[:, 1], back


def smaller(b, t):
    """min(b, t), and its pullback to b."""
    below, equal = b.real < t.real, b.real == t.real

    def back(dm):
        return np.where(below, dm, np.where(equal, dm / 2, 0))

    return np.where(below, b, np.where(equal, (b + t) / 2, t)), back


def larger(b, t):
    m, back = smaller(-b, -t)
    return -m, back
