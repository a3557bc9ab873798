"""Faster R-CNN in small: one net proposes regions and says what is in them.

Returns objectness [m N], deltas of the anchors [m N 4], proposals [m r 4], scores [(m r) 1+k], deltas [(m r) (k 4)] and
the `order` [m N+r] by which the cost samples anchors and proposals: random numbers in training, in eval mode rising.
`uniform` is a method, so that a caller can hand the numbers in. Proposals are constants.
"""

from itertools import pairwise

import torch
from torch import nn

from torch_impl.checks import images
from torch_impl.detection.boxes import corner_from_center
from torch_impl.detection.checks import divisible, objects
from torch_impl.detection.fast_rcnn import FastRCNNHead, fast_rcnn_loss
from torch_impl.detection.proposals import RPNHead, by_anchor, propose, rpn_loss, sliding_anchors
from torch_impl.detection.roi import roi_align
from torch_impl.layers.conv import Conv


class FasterRCNN(nn.Module):
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
    ):
        super().__init__()
        self.c_prev, self.stride = c_prev, 2 ** len(channels)
        self.anchor_sizes, self.ratios, self.proposals, self.f = anchor_sizes, ratios, proposals, f
        layers = [Conv(before, c, 3, stride=2, padding=1) for before, c in pairwise((c_prev, *channels))]
        self.backbone = nn.Sequential(*(part for layer in layers for part in (layer, nn.ReLU())))
        self.rpn = RPNHead(channels[-1], channels[-1], len(anchor_sizes) * len(ratios))
        self.head = FastRCNNHead(num_classes, channels[-1], f, hidden)

    def forward(self, x):
        images(x, self.c_prev)
        image = tuple(x.shape[2:])
        divisible("the images' height and width", image, self.stride)
        anchors = sliding_anchors(*(n // self.stride for n in image), self.stride, self.anchor_sizes, self.ratios).to(x)
        features = self.backbone(x)
        objectness, deltas = self.rpn(features)
        objectness, deltas = by_anchor(objectness, 1)[..., 0], by_anchor(deltas, 4)
        proposals = propose(objectness, deltas, anchors, image, self.proposals)
        regions = roi_align(features, regions_of(proposals), self.f, 1 / self.stride)
        return objectness, deltas, proposals, *self.head(regions), self.order(x, len(anchors) + self.proposals)

    def order(self, x, n):
        """[m n]"""
        rising = torch.arange(len(x) * n, device=x.device, dtype=x.dtype) / (len(x) * n)
        return (self.uniform(rising) if self.training else rising).view(len(x), n)

    def uniform(self, x):
        return torch.rand_like(x)


def regions_of(proposals):
    """[m r 4] as rows [(m r) 5] of image number and box."""
    m, r, _ = proposals.shape
    image = torch.arange(m, device=proposals.device, dtype=proposals.dtype)[:, None, None].expand(m, r, 1)
    return torch.cat([image, proposals], dim=2).view(-1, 5)


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
    anchors = sliding_anchors(*(size // stride for size in image), stride, anchor_sizes, ratios).to(y)
    J_rpn = rpn_loss(objectness, anchor_deltas, anchors, boxes, classes, order[:, :n], count=anchor_samples)
    return J_rpn + fast_rcnn_loss(
        scores, deltas, proposals, boxes, classes, order[:, n:], roi_samples, positive=overlap, negative=overlap
    )
