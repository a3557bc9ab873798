"""Which anchor or proposal answers for which object, and which of them a step of training looks at.

Boxes (.., k, 4) are matched with objects (.., j, 4) by their IoU: an index, -1 for background, -2 for neither. Of equal
IoUs the first object counts, and `rescue` takes all anchors that come equally near to an object. `order` are random
numbers that are handed in.
"""

import torch

from torch_impl.checks import whole
from torch_impl.detection.boxes import iou
from torch_impl.detection.checks import fraction as a_fraction
from torch_impl.detection.checks import same_shape


@torch.no_grad()
def match(boxes, objects, present, positive=0.7, negative=0.3, rescue=True):
    thresholds(positive, negative)
    if objects.shape[-2] == 0:
        return boxes.new_full(boxes.shape[:-1], -1, dtype=torch.long)
    overlap = torch.where(present[..., None, :], iou(boxes, objects), -1)
    best, matched = overlap.max(dim=-1)
    good = best >= positive
    if rescue:
        nearest = overlap.amax(dim=-2, keepdim=True)
        good |= ((overlap == nearest) & (overlap > 0)).any(dim=-1)
    return torch.where(good, matched, torch.where(best < negative, -1, -2))


@torch.no_grad()
def sample(matched, order, count, fraction):
    same_shape("order", order, "matched", matched)
    whole("count", count)
    a_fraction("fraction", fraction)
    positive = first(matched >= 0, order, int(count * fraction))
    return positive | first(matched == -1, order, count - positive.sum(dim=-1, keepdim=True))


def first(chosen, order, count):
    """The `count` of those chosen that are lowest in order."""
    rank = torch.where(chosen, order, torch.inf).argsort(dim=-1, stable=True).argsort(dim=-1)
    return chosen & (rank < count)


def held(values, matched, default):
    """What the matched object has of the values (.., j, n), and the default (.., k, n) where there is none."""
    if values.shape[-2] == 0:
        return default
    index = matched.clamp(min=0)[..., None].expand(*matched.shape, values.shape[-1])
    return torch.where(matched[..., None] >= 0, values.gather(-2, index), default)


def thresholds(positive, negative):
    a_fraction("positive", positive)
    a_fraction("negative", negative)
    if negative > positive:
        raise ValueError(f"negative is {negative}; expected at most positive = {positive}")
