"""Faster R-CNN in small: one net proposes regions and says what is in them.

    backbone -> A;  rpn(A) -> O, T;  propose(O, T) -> P;  roi_align(A, P) -> head -> scores, deltas

Returns O [m N], T [m N 4], P [m r 4], scores [1+k mr], deltas [(k 4) mr] and `order` [m N+r], the random numbers by
which the cost samples anchors and proposals: drawn in train mode, in eval mode rising, so that the first are taken.
The gradient reaches the backbone by both heads. P is a constant: that a proposal depends on T, too, is left out.

    faster_rcnn_cost   rpn_loss + fast_rcnn_loss

against objects Y [m n 5], rows x y w h class, class -1 where an image has fewer. The heads see all proposals and the
cost samples from them, which gives the same gradient as the paper's way, to sample first. The backbone halves the image
with each of its `channels`; N anchors are on the smallest map. h and w are those of the maps that are flattened.
Source: Ren et al. 2015 (Faster R-CNN), its approximate joint training; He et al. 2017 (RoIAlign for RoI pooling).
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from reference.checks import images
from reference.combinators import Wiring
from reference.detection.boxes import corner_from_center
from reference.detection.checks import divisible, objects
from reference.detection.fast_rcnn import FastRCNNHead, fast_rcnn_loss
from reference.detection.proposals import RPNHead, by_anchor, propose, rpn_loss, sliding_anchors
from reference.detection.roi import roi_align
from reference.layers.activations import relu
from reference.layers.conv import Conv
from reference.module import Module, Sequence


@dataclass(frozen=True)
class FasterRCNN(Module):
    num_classes: int = 3
    c_prev: int = 3
    channels: tuple[int, ...] = (16, 32, 64)
    anchor_sizes: tuple[float, ...] = (8, 16)
    ratios: tuple[float, ...] = (0.5, 1, 2)
    proposals: int = 16
    f: int = 4
    hidden: int = 128

    @property
    def stride(self):
        return 2 ** len(self.channels)

    @property
    def c(self):
        return self.channels[-1]

    @property
    def h(self):
        return self.f

    w = h

    @cached_property
    def parts(self):
        layers = [Conv(c_prev, c, 3, stride=2, padding=1) for c_prev, c in pairwise((self.c_prev, *self.channels))]
        return {
            "backbone": Sequence(*(part for layer in layers for part in (layer, relu))),
            "rpn": RPNHead(self.c, self.c, len(self.anchor_sizes) * len(self.ratios)),
            "head": FastRCNNHead(self.num_classes, self.c, self.f, self.hidden),
        }

    def apply(self, p, s, X, *, mode):
        images("X", X, self.c_prev)
        m, *image, _ = X.shape
        divisible("the images' height and width", image, self.stride)
        anchors = sliding_anchors(*(n // self.stride for n in image), self.stride, self.anchor_sizes, self.ratios)
        run = Wiring(self, p, s, mode)
        A, back_backbone = run("backbone", X)
        (O, T), back_rpn = run("rpn", A)
        P = propose(by_anchor(O, 1)[..., 0], by_anchor(T, 4), anchors, image, self.proposals)
        R, back_align = roi_align(A, regions_of(P), self.f, 1 / self.stride)
        (scores, deltas), back_head = run("head", R)
        order = drawn(mode, m, len(anchors) + self.proposals)

        def back(dO, dT, dP, dscores, ddeltas, dorder):
            dp = {}
            dA = back_align(back_head(dp, dscores, ddeltas))
            dA = dA + back_rpn(dp, dO.reshape(O.shape), dT.reshape(T.shape))
            return dp, back_backbone(dp, dA)

        return (by_anchor(O, 1)[..., 0], by_anchor(T, 4), P, scores, deltas, order), run.state, back


def regions_of(P):
    """[m r 4] as rows [(m r) 5] of image number and box."""
    m, r, _ = P.shape
    image = np.broadcast_to(np.arange(m)[:, None, None], (m, r, 1))
    return np.concatenate([image, P], axis=2).reshape(-1, 5)


def drawn(mode, m, n):
    """An order [m n] for each image."""
    count = m * n
    return (mode.uniform(mode.path, (count,)) if mode.train else np.arange(count) / count).reshape(m, n)


def faster_rcnn_cost(
    O,
    T,
    P,
    scores,
    deltas,
    order,
    Y,
    image,
    stride,
    anchor_sizes,
    ratios,
    anchor_samples=32,
    roi_samples=16,
    overlap=0.5,
):
    """Against objects Y [m n 5] in images of (height, width); a proposal with an IoU of `overlap` holds an object."""
    objects("Y", Y, image, scores.shape[0] - 1)
    (B, _), classes, N = corner_from_center(Y[..., :4]), Y[..., 4], O.shape[1]
    anchors = sliding_anchors(*(n // stride for n in image), stride, anchor_sizes, ratios)
    J_rpn, back_rpn = rpn_loss(O, T, anchors, B, classes, order[:, :N], count=anchor_samples)
    J_head, back_head = fast_rcnn_loss(
        scores, deltas, P, B, classes, order[:, N:], roi_samples, positive=overlap, negative=overlap
    )

    def back(dJ):
        return *back_rpn(dJ), 0 * P, *back_head(dJ), 0 * order

    return J_rpn + J_head, back
