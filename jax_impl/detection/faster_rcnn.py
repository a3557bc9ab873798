"""Faster R-CNN in small: one net proposes regions and says what is in them.

Returns objectness [m N], deltas of the anchors [m N 4], proposals [m r 4], scores [(m r) 1+k], deltas [(m r) (k 4)] and
the `order` [m N+r] by which the cost samples anchors and proposals: random numbers in training, in eval mode rising.
`uniform` is a method, so that a caller can hand the numbers in. Proposals are constants; all shapes are fixed.
"""

from itertools import pairwise

import jax
import jax.numpy as jnp
from flax import nnx

from jax_impl.checks import images
from jax_impl.detection.boxes import corner_from_center
from jax_impl.detection.checks import divisible, objects
from jax_impl.detection.fast_rcnn import FastRCNNHead, fast_rcnn_loss
from jax_impl.detection.proposals import RPNHead, by_anchor, propose, rpn_loss, sliding_anchors
from jax_impl.detection.roi import roi_align
from jax_impl.layers.conv import Conv
from jax_impl.sequential import Sequential


class FasterRCNN(nnx.Module):
    def __init__(
        self,
        num_classes: int = 3,
        c_prev: int = 3,
        channels: tuple[int, ...] = (16, 32, 64),
        anchor_sizes: tuple[float, ...] = (8, 16),
        ratios: tuple[float, ...] = (0.5, 1, 2),
        proposals: int = 16,
        f: int = 4,
        hidden: int = 128,
        *,
        rngs: nnx.Rngs,
    ):
        self.c_prev, self.stride = c_prev, 2 ** len(channels)
        self.anchor_sizes, self.ratios, self.proposals, self.f = anchor_sizes, ratios, proposals, f
        layers = [Conv(before, c, 3, stride=2, padding=1, rngs=rngs) for before, c in pairwise((c_prev, *channels))]
        self.backbone = Sequential(part for layer in layers for part in (layer, jax.nn.relu))
        self.rpn = RPNHead(channels[-1], channels[-1], len(anchor_sizes) * len(ratios), rngs=rngs)
        self.head = FastRCNNHead(num_classes, channels[-1], f, hidden, rngs=rngs)
        self.deterministic = False
        self.rngs = rngs.dropout.fork()

    def __call__(self, x):
        images(x, self.c_prev)
        image = x.shape[1:3]
        divisible("the images' height and width", image, self.stride)
        cells = (n // self.stride for n in image)
        anchors = sliding_anchors(*cells, self.stride, self.anchor_sizes, self.ratios).astype(x.dtype)
        features = self.backbone(x)
        objectness, deltas = self.rpn(features)
        objectness, deltas = by_anchor(objectness, 1)[..., 0], by_anchor(deltas, 4)
        proposals = propose(objectness, deltas, anchors, image, self.proposals)
        regions = roi_align(features, regions_of(proposals), self.f, 1 / self.stride)
        return objectness, deltas, proposals, *self.head(regions), self.order(x, len(anchors) + self.proposals)

    def order(self, x, n):
        """[m n]"""
        rising = jnp.arange(len(x) * n, dtype=x.dtype) / (len(x) * n)
        return (rising if self.deterministic else self.uniform(rising)).reshape(len(x), n)

    def uniform(self, x):
        return jax.random.uniform(self.rngs(), x.shape, x.dtype)


def regions_of(proposals):
    """[m r 4] as rows [(m r) 5] of image number and box."""
    m, r, _ = proposals.shape
    image = jnp.broadcast_to(jnp.arange(m, dtype=proposals.dtype)[:, None, None], (m, r, 1))
    return jnp.concatenate([image, proposals], axis=2).reshape(-1, 5)


def faster_rcnn_cost(
    objectness,
    anchor_deltas,
    proposals,
    scores,
    deltas,
    order,
    y,
    image,
    stride,
    anchor_sizes,
    ratios,
    anchor_samples=32,
    roi_samples=16,
    overlap=0.5,
):
    """Against objects y [m n 5] in images of (height, width); a proposal with an IoU of `overlap` holds an object."""
    objects("y", y, image, scores.shape[1] - 1)
    boxes, classes, n = corner_from_center(y[..., :4]), y[..., 4], objectness.shape[1]
    anchors = sliding_anchors(*(size // stride for size in image), stride, anchor_sizes, ratios).astype(y.dtype)
    J_rpn = rpn_loss(objectness, anchor_deltas, anchors, boxes, classes, order[:, :n], count=anchor_samples)
    return J_rpn + fast_rcnn_loss(
        scores, deltas, proposals, boxes, classes, order[:, n:], roi_samples, positive=overlap, negative=overlap
    )
