"""Region proposals: at every place of a map, which of some anchors hold an object, and how these are to be moved.

    sliding_anchors   boxes around the middle of each cell of `stride` pixels, for each size its ratios h/w:
                      w = size/sqrt(ratio), h = size sqrt(ratio);  [N 4], cells row by row
    RPNHead           conv 3x3 -> relu -> two 1x1 convolutions: objectness, a logit an anchor, and its four deltas
    by_anchor         a head's map as one row an anchor, in the order of sliding_anchors
    propose           the anchors moved by their deltas and kept in the image: of each image the `count` best that
                      non-max suppression leaves; where it leaves fewer, then the best of those that it drops
    rpn_loss          J = 1/n sum over the sampled of logistic(objectness) + [it has an object] smooth L1(T - encode(B))

A [m h w c], objectness [m h w a], deltas [m h w 4a]; O [m N], T [m N 4]; n is how many are sampled, in all images.
Proposals are constants: no gradient is taken through them, so the head learns from its own loss alone.
Source: Ren et al. 2015 (Faster R-CNN). Its two sums are divided by numbers of their own and weighed to be about equal;
here, as in Detectron, both are divided by n.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reference.checks import whole
from reference.combinators import Wiring
from reference.detection.box_deltas import decode, encode
from reference.detection.checks import positive_ratios, sizes
from reference.detection.matching import held, match, sample
from reference.detection.suppression import ranked, survivors
from reference.detection.weighted_losses import weighted_logistic_loss, weighted_smooth_l1
from reference.layers.activations import relu
from reference.layers.conv import Conv
from reference.module import Module


def sliding_anchors(h, w, stride, anchor_sizes, ratios):
    whole("stride", stride)
    sizes("anchor_sizes", np.array([[size, size] for size in anchor_sizes]))
    positive_ratios("ratios", ratios)
    root = np.sqrt(np.array(ratios))
    size = np.array(anchor_sizes)[:, None]
    half = np.stack([size / root, size * root], axis=-1).reshape(-1, 2) / 2
    x, y = (stride * (np.arange(n) + 0.5) for n in (w, h))
    middle = np.stack([np.broadcast_to(x, (h, w)), np.broadcast_to(y[:, None], (h, w))], axis=-1)[:, :, None]
    return np.concatenate([middle - half, middle + half], axis=-1).reshape(-1, 4)


@dataclass(frozen=True)
class RPNHead(Module):
    c_prev: int
    c: int
    anchors: int

    @cached_property
    def parts(self):
        return {
            "conv": Conv(self.c_prev, self.c, 3, padding=1),
            "relu": relu,
            "objectness": Conv(self.c, self.anchors, 1),
            "deltas": Conv(self.c, 4 * self.anchors, 1),
        }

    def apply(self, p, s, A, *, mode):
        run = Wiring(self, p, s, mode)
        A, back_trunk = run.chain(["conv", "relu"], A)
        O, back_objectness = run("objectness", A)
        T, back_deltas = run("deltas", A)

        def back(dO, dT):
            dp = {}
            dA = back_objectness(dp, dO) + back_deltas(dp, dT)
            return dp, back_trunk(dp, dA)

        return (O, T), run.state, back


def by_anchor(Z, numbers):
    """[m h w (a n)] as [m (h w a) n], n = `numbers`."""
    return Z.reshape(len(Z), -1, numbers)


def propose(O, T, anchors, image, count, threshold=0.7):
    """Boxes [m count 4] from O [m N] and T [m N 4]."""
    whole("count", count)
    if count > len(anchors):
        raise ValueError(f"count is {count}; expected at most {len(anchors)}, as many as there are anchors")
    O, T = O.real, T.real
    moved, _ = decode(T, np.broadcast_to(anchors, T.shape))
    boxes = inside(moved, image)
    return np.stack([B[best(B, scores, threshold)[:count]] for B, scores in zip(boxes, O)])


def inside(B, image):
    """The part of each box in the image of (height, width), at least a pixel wide and high."""
    limits = np.array(image[::-1])
    near = np.minimum(np.maximum(B[..., :2], 0), limits - 1)
    return np.concatenate([near, np.minimum(np.maximum(B[..., 2:], near + 1), limits)], axis=-1)


def best(B, scores, threshold):
    """The indices of the boxes that non-max suppression leaves, best first, then those that it drops."""
    order = ranked(scores)
    dropped = ~survivors(B, scores, threshold=threshold)[order]
    return order[np.argsort(dropped, kind="stable")]


def rpn_loss(O, T, anchors, B, classes, order, count=32, fraction=0.5, positive=0.7, negative=0.3):
    """B [m n 4] are objects, none if of class -1 [m n]; of each image `count` anchors are sampled, by `order`."""
    given = np.broadcast_to(anchors, (*order.shape, 4))
    matched = match(given, B, classes >= 0, positive, negative)
    chosen = sample(matched, order, count, fraction)
    weight = np.where(chosen, 1, 0) / np.maximum(chosen.sum(), 1)
    target, _ = encode(held(B, matched, given), given)
    J_object, back_object = weighted_logistic_loss(O, np.where(matched >= 0, 1, 0), weight)
    J_box, back_box = weighted_smooth_l1(T, target, (weight * (matched >= 0))[..., None], beta=1 / 9)

    def back(dJ):
        return back_object(dJ), back_box(dJ)

    return J_object + J_box, back
