"""How good a detector is: average precision.

Detections boxes (d, 4), scores, classes, images (d,) and objects truth (t, 4), their classes and images (t,) of a whole
data set. Best score first, each detection takes the object of its image and class that it overlaps most, of those not
yet taken; it is a hit if their IoU is at least the threshold. Precision at a recall is the best at that recall or
beyond, and is averaged as the area below it ("all-point") or over 11 or 101 recalls.
"""

import math

import torch

from torch_impl.detection.boxes import iou
from torch_impl.detection.checks import class_numbers, one_each
from torch_impl.detection.suppression import candidates, ranked

KINDS = {"11-point": 10, "101-point": 100}
COCO = tuple((50 + 5 * i) / 100 for i in range(10))


def hits(overlap, threshold):
    """Whether each detection, best first, hits an object: overlap (d, t), below 0 where they cannot meet -> (d,)."""
    free = torch.ones(overlap.shape[1], dtype=torch.bool, device=overlap.device)
    found = torch.zeros(len(overlap), dtype=torch.bool, device=overlap.device)
    for i, row in enumerate(overlap if len(free) else ()):
        best = row.masked_fill(~free, -1).argmax()
        if free[best] and row[best] >= threshold:
            free[best], found[i] = False, True
    return found


def precision_recall(hit, count):
    """Along the detections, best first, of `count` objects."""
    total = hit.cumsum(0).double()
    return total / torch.arange(1, len(hit) + 1, device=hit.device), total / count


def average_precision(precision, recall, kind="all-point"):
    if kind not in ("all-point", *KINDS):
        raise ValueError(f"kind is {kind!r}; expected one of 'all-point', '11-point', '101-point'")
    if not len(precision):
        return precision.new_tensor(0)
    best = precision.flip(0).cummax(0).values.flip(0)
    if kind == "all-point":
        return (recall.diff(prepend=recall.new_zeros(1)) * best).sum()
    points = torch.arange(KINDS[kind] + 1, device=recall.device).to(recall) / KINDS[kind]
    reached = recall >= points[:, None]
    return torch.where(reached.any(dim=1), best[reached.int().argmax(dim=1)], 0).mean()


def average_precisions(
    boxes, scores, classes, images, truth, truth_classes, truth_images, count, thresholds=(0.5,), kind="all-point"
):
    """AP of each threshold and each of `count` classes, NaN for a class without objects."""
    candidates("boxes", boxes, scores, classes)
    one_each("images", images, "boxes", boxes)
    for name, values in (("truth_classes", truth_classes), ("truth_images", truth_images)):
        one_each(name, values, "truth", truth)
    class_numbers("classes", classes, count)
    class_numbers("truth_classes", truth_classes, count)
    if len(truth) == 0:
        raise ValueError("truth holds no object; expected at least one, of which recall is a share")
    order = ranked(scores)
    overlap = torch.where(images[order][:, None] == truth_images, iou(boxes[order], truth), -1)

    def of_class(k, threshold):
        ours, theirs = classes[order] == k, truth_classes == k
        if not theirs.any():
            return math.nan
        hit = hits(overlap[ours][:, theirs], threshold)
        return average_precision(*precision_recall(hit, theirs.sum()), kind)

    return torch.tensor([[of_class(k, threshold) for k in range(count)] for threshold in thresholds])


def mean_average_precision(
    boxes, scores, classes, images, truth, truth_classes, truth_images, count, thresholds=(0.5,), kind="all-point"
):
    return average_precisions(
        boxes, scores, classes, images, truth, truth_classes, truth_images, count, thresholds, kind
    ).nanmean()
