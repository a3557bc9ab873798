"""Non-max suppression: of boxes (k, 4) that overlap, the best one stays.

Best is the higher score, and of equal scores the lower index; a box is dropped if its IoU with a better one that stays
is above the threshold, not at it. With `classes`, boxes of different classes leave each other alone.
"""

import math

import torch

from torch_impl.checks import positive
from torch_impl.detection.boxes import area, intersection
from torch_impl.detection.checks import corners, finite, fraction, one_each


def ranked(scores):
    """The indices from the best score to the worst, equal ones in their order."""
    return torch.argsort(scores, descending=True, stable=True)


def non_max_suppression(boxes, scores, classes=None, threshold=0.5, limit=None):
    """The indices of the boxes that stay, best first, at most `limit` of them."""
    candidates("boxes", boxes, scores, classes)
    fraction("threshold", threshold)
    rest, kept = ranked(scores), []
    boxes, kinds = boxes[rest], None if classes is None else classes[rest]
    while len(rest) and (limit is None or len(kept) < limit):
        kept.append(rest[0].clone())  # a view would keep all of `rest`
        stays = ~overlaps(boxes[:1], boxes[1:], threshold)
        if kinds is not None:
            stays |= kinds[1:] != kinds[0]
            kinds = kinds[1:][stays]
        rest, boxes = rest[1:][stays], boxes[1:][stays]
    return torch.stack(kept) if kept else rest[:0]


def survivors(boxes, scores, classes=None, threshold=0.5):
    """Whether each box stays (k,)."""
    stays = torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    stays[non_max_suppression(boxes, scores, classes, threshold)] = True
    return stays


def soft_suppression(boxes, scores, classes=None, sigma=0.5, threshold=0.3, kind="gaussian"):
    """The damped scores (k,): what each box had left when it was taken."""
    candidates("boxes", boxes, scores, classes)
    if kind not in ("gaussian", "linear"):
        raise ValueError(f"kind is {kind!r}; expected one of 'gaussian', 'linear'")
    positive("sigma", sigma)
    fraction("threshold", threshold)
    scores, left = scores.clone(), torch.ones_like(scores, dtype=torch.bool)
    for _ in range(len(boxes)):
        best = scores.masked_fill(~left, -math.inf).argmax()
        left[best] = False
        touched = left if classes is None else left & (classes == classes[best])
        scores = torch.where(touched, scores * damping(boxes[best][None], boxes, sigma, threshold, kind), scores)
    return scores


def damping(best, boxes, sigma, threshold, kind):
    common, union = common_and_union(best, boxes)
    overlap = common / torch.where(union > 0, union, 1)
    if kind == "gaussian":
        return torch.exp(-overlap.square() / sigma)
    return torch.where(common > threshold * union, 1 - overlap, 1)


def overlaps(best, boxes, threshold):
    """Whether the IoU of one box (1, 4) with each of the boxes (k, 4) is above the threshold."""
    common, union = common_and_union(best, boxes)
    return common > threshold * union


def common_and_union(best, boxes):
    common = intersection(best, boxes)[0]
    return common, area(best) + area(boxes) - common


def candidates(name, boxes, scores, classes):
    """Boxes with one finite score each, and if given one class each."""
    corners(name, boxes)
    one_each("scores", scores, name, boxes)
    finite("scores", scores)
    if classes is not None:
        one_each("classes", classes, name, boxes)
