"""Fast R-CNN's two heads: of each region, what it is and where exactly its box is.

    FastRCNNHead    flatten -> dense -> relu -> two dense layers: scores [1+k r] and deltas [(k 4) r]
    fast_rcnn_loss  J = 1/n sum over the sampled, cross-entropy(scores, u) + [u > 0] smooth L1(deltas of u - encode(B))
    detections      of one image: rows x1 y1 x2 y2, probability, class, best first, after non-max suppression by class

u is 0 for background and c + 1 for objects of class c; each class of objects has deltas of its own, background none.
A proposal P [m r 4] is of the object that it overlaps most if their IoU is at least `positive`; n are sampled in all.
Source: Girshick 2015 (Fast R-CNN).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reference.combinators import Wiring
from reference.detection.box_deltas import decode, encode
from reference.detection.checks import class_numbers
from reference.detection.checks import fraction as a_fraction
from reference.detection.matching import held, match, sample
from reference.detection.proposals import inside
from reference.detection.suppression import non_max_suppression
from reference.detection.weighted_losses import weighted_cross_entropy, weighted_smooth_l1
from reference.layers.activations import relu, softmax
from reference.layers.dense import Dense
from reference.layers.flatten import Flatten
from reference.module import Module

WEIGHTS = (10, 10, 5, 5)


@dataclass(frozen=True)
class FastRCNNHead(Module):
    num_classes: int
    c: int
    f: int = 7
    hidden: int = 1024

    @property
    def h(self):
        return self.f

    w = h

    @cached_property
    def parts(self):
        return {
            "flatten": Flatten(),
            "fc1": Dense(self.f * self.f * self.c, self.hidden),
            "relu": relu,
            "scores": Dense(self.hidden, 1 + self.num_classes),
            "deltas": Dense(self.hidden, 4 * self.num_classes),
        }

    def apply(self, p, s, A, *, mode):
        run = Wiring(self, p, s, mode)
        A, back_trunk = run.chain(["flatten", "fc1", "relu"], A)
        scores, back_scores = run("scores", A)
        deltas, back_deltas = run("deltas", A)

        def back(dscores, ddeltas):
            dp = {}
            dA = back_scores(dp, dscores) + back_deltas(dp, ddeltas)
            return dp, back_trunk(dp, dA)

        return (scores, deltas), run.state, back


def fast_rcnn_loss(scores, deltas, P, B, classes, order, count=16, fraction=0.25, positive=0.5, negative=0.5):
    """B [m n 4] are objects, none if of class -1 [m n]; of each image `count` proposals are sampled, by `order`."""
    k = class_count(scores, deltas)
    class_numbers("classes", classes, k, least=-1)
    matched = match(P, B, classes >= 0, positive, negative, rescue=False)
    chosen = sample(matched, order, count, fraction)
    of_class = held(classes[..., None], matched, np.full((*matched.shape, 1), -1)).reshape(-1)
    labels = np.arange(-1, k)[:, None] == of_class
    weight = np.where(chosen, 1, 0).reshape(1, -1) / np.maximum(chosen.sum(), 1)
    target, _ = encode(held(B, matched, P), P, WEIGHTS)
    J_class, back_class = weighted_cross_entropy(scores, np.where(labels, 1, 0), weight)
    tiled, own = np.tile(target.reshape(-1, 4).T, (k, 1)), labels[1:].repeat(4, axis=0)
    J_box, back_box = weighted_smooth_l1(deltas, tiled, weight * own)

    def back(dJ):
        return back_class(dJ), back_box(dJ)

    return J_class + J_box, back


def detections(scores, deltas, P, image, least=0.5, threshold=0.5):
    """Of scores [1+k r], deltas [(k 4) r] and P [r 4]: those of a probability of at least `least`."""
    k = class_count(scores, deltas)
    a_fraction("least", least)
    probability = softmax(scores)[0][1:].T.reshape(-1)
    moved, _ = decode(deltas.T.reshape(-1, 4), P.repeat(k, axis=0), WEIGHTS)
    boxes, classes = inside(moved, image), np.broadcast_to(np.arange(k), (len(P), k)).reshape(-1)
    likely = probability >= least
    boxes, classes, probability = boxes[likely], classes[likely], probability[likely]
    kept = non_max_suppression(boxes, probability, classes, threshold)
    return np.concatenate([boxes, probability[:, None], classes[:, None]], axis=1)[kept]


def class_count(scores, deltas):
    k = scores.shape[0] - 1
    if k < 1 or deltas.shape[0] != 4 * k:
        raise ValueError(
            f"deltas has shape {deltas.shape}; expected 4 rows for each class of scores {scores.shape} but one"
        )
    return k
