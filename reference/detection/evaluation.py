"""How good a detector is: average precision.

    hits        best score first, each detection takes the object of its image and class that it overlaps most, of those
                not yet taken; it is a hit if their IoU is at least the threshold, otherwise a false alarm
    precision   hits so far / detections so far          recall   hits so far / objects
    AP          the precision averaged over the recall, where precision at a recall is the best at that recall or beyond

        all-point   the area below it           11-point, 101-point   the mean at recalls 0, 1/10 .. or 1/100 .. 1

Equal scores keep their order, of equal overlaps the first object is taken. mAP is the mean over the classes that have
objects and over the thresholds: 0.5 in Pascal VOC, 0.50, 0.55 .. 0.95 with 101 points in COCO. A detection of an object
that is taken already is a false alarm.

Detections B [d 4], scores, classes, images [d] and objects T [t 4], their classes and images [t] of a whole data set.
Sources: Everingham et al. 2010, section 4.2; Lin et al. 2014 (COCO).
"""

import numpy as np

from reference.checks import one_of
from reference.detection.boxes import iou
from reference.detection.checks import class_numbers, one_each
from reference.detection.suppression import candidates, ranked

KINDS = {"11-point": 10, "101-point": 100}
COCO = tuple((50 + 5 * i) / 100 for i in range(10))


def hits(overlap, threshold):
    """Whether each detection, best first, hits an object: overlap [d t], below 0 where they cannot meet -> [d]."""
    places, free, found = np.arange(overlap.shape[1]), np.ones(overlap.shape[1], bool), []
    for row in overlap:
        open_to = np.where(free, row, -1)
        taken = (places == open_to.argmax()) & (open_to >= threshold) if places.size else free
        free = free & ~taken
        found.append(taken.any())
    return np.array(found, bool)


def precision_recall(hit, count):
    """Along the detections, best first, of `count` objects."""
    total = np.cumsum(hit)
    return total / np.arange(1, len(hit) + 1), total / count


def average_precision(precision, recall, kind="all-point"):
    one_of("kind", kind, ("all-point", *KINDS))
    if not len(precision):
        return 0.0
    best = np.maximum.accumulate(precision[::-1])[::-1]
    if kind == "all-point":
        steps = recall - np.concatenate([0 * recall[:1], recall[:-1]])
        return (steps * best).sum()
    points = np.arange(KINDS[kind] + 1) / KINDS[kind]
    reached = recall.real >= points[:, None]
    return np.where(reached.any(axis=1), best[reached.argmax(axis=1)], 0).mean()


def average_precisions(B, scores, classes, images, T, T_classes, T_images, count, thresholds=(0.5,), kind="all-point"):
    """AP of each threshold and each of `count` classes, NaN for a class without objects."""
    candidates("B", B, scores, classes)
    one_each("images", images, "B", B)
    for name, values in (("T_classes", T_classes), ("T_images", T_images)):
        one_each(name, values, "T", T)
    class_numbers("classes", classes, count)
    class_numbers("T_classes", T_classes, count)
    if len(T) == 0:
        raise ValueError("T holds no object; expected at least one, of which recall is a share")
    order = ranked(scores)
    overlap = np.where(images[order][:, None] == T_images, iou(B[order], T), -1)

    def of_class(k, threshold):
        ours, theirs = classes[order] == k, T_classes == k
        if not theirs.any():
            return np.nan
        return average_precision(*precision_recall(hits(overlap[ours][:, theirs], threshold), theirs.sum()), kind)

    return np.array([[of_class(k, threshold) for k in range(count)] for threshold in thresholds])


def mean_average_precision(
    B, scores, classes, images, T, T_classes, T_images, count, thresholds=(0.5,), kind="all-point"
):
    return np.nanmean(average_precisions(B, scores, classes, images, T, T_classes, T_images, count, thresholds, kind))
