"""Region proposals: at every place of a map, which of some anchors hold an object, and how these are to be moved.

Anchors are boxes (N, 4), cell by cell and row by row; `by_anchor` brings a head's map into that order. Proposals are
constants: no gradient is taken through them.
"""

import torch
from torch import nn

from torch_impl.checks import whole
from torch_impl.detection.box_deltas import decode, encode
from torch_impl.detection.checks import positive_ratios, sizes
from torch_impl.detection.matching import held, match, sample
from torch_impl.detection.suppression import ranked, survivors
from torch_impl.detection.weighted_losses import weighted_logistic_loss, weighted_smooth_l1
from torch_impl.layers.conv import Conv


def sliding_anchors(h, w, stride, anchor_sizes, ratios):
    whole("stride", stride)
    sizes("anchor_sizes", torch.tensor([[size, size] for size in anchor_sizes]))
    positive_ratios("ratios", ratios)
    size, root = (
        torch.tensor(anchor_sizes, dtype=torch.float64)[:, None],
        torch.tensor(ratios, dtype=torch.float64).sqrt(),
    )
    half = torch.stack([size / root, size * root], dim=-1).view(-1, 2) / 2
    x, y = (stride * (torch.arange(n, dtype=torch.float64) + 0.5) for n in (w, h))
    middle = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)[:, :, None]
    return torch.cat([middle - half, middle + half], dim=-1).view(-1, 4)


class RPNHead(nn.Module):
    def __init__(self, c_prev: int, c: int, anchors: int):
        super().__init__()
        self.conv = Conv(c_prev, c, 3, padding=1)
        self.objectness = Conv(c, anchors, 1)
        self.deltas = Conv(c, 4 * anchors, 1)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        return self.objectness(x), self.deltas(x)


def by_anchor(z, numbers):
    """[m (a n) h w] as [m (h w a) n], n = `numbers`."""
    return z.permute(0, 2, 3, 1).reshape(len(z), -1, numbers)


@torch.no_grad()
def propose(objectness, deltas, anchors, image, count, threshold=0.7):
    """Boxes [m count 4] from objectness [m N] and deltas [m N 4]."""
    whole("count", count)
    if count > len(anchors):
        raise ValueError(f"count is {count}; expected at most {len(anchors)}, as many as there are anchors")
    boxes = inside(decode(deltas, anchors.expand_as(deltas)), image)
    return torch.stack([each[best(each, scores, threshold)[:count]] for each, scores in zip(boxes, objectness)])


def inside(boxes, image):
    """The part of each box in the image of (height, width), at least a pixel wide and high."""
    limits = boxes.new_tensor(image[::-1])
    near = torch.minimum(boxes[..., :2].clamp(min=0), limits - 1)
    return torch.cat([near, torch.minimum(torch.maximum(boxes[..., 2:], near + 1), limits)], dim=-1)


def best(boxes, scores, threshold):
    """The indices of the boxes that non-max suppression leaves, best first, then those that it drops."""
    order = ranked(scores)
    dropped = ~survivors(boxes, scores, threshold=threshold)[order]
    return order[dropped.int().argsort(stable=True)]


def rpn_loss(objectness, deltas, anchors, boxes, classes, order, count=32, fraction=0.5, positive=0.7, negative=0.3):
    """Boxes [m n 4] are objects, none if of class -1 [m n]; of each image `count` anchors are sampled, by `order`."""
    given = anchors.expand(*order.shape, 4)
    matched = match(given, boxes, classes >= 0, positive, negative)
    chosen = sample(matched, order, count, fraction)
    weight = chosen / chosen.sum().clamp(min=1).to(objectness.dtype)
    is_object = (matched >= 0).to(objectness.dtype)
    target = encode(held(boxes, matched, given), given)
    J_object = weighted_logistic_loss(objectness, is_object, weight)
    return J_object + weighted_smooth_l1(deltas, target, (weight * is_object)[..., None], beta=1 / 9)
