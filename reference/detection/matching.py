"""Which anchor or proposal answers for which object, and which of them a step of training looks at.

    match    the object with the largest IoU, the first of equal ones, if that IoU is at least `positive`; -1,
             background, if it is below `negative`; -2, neither, in between. With `rescue` those that come nearest to
             an object, all that are equally near, answer too, be their IoU ever so small: each for its own best object
    sample   at most `count` of them: positives up to a `fraction` of that, background for the rest; of both those with
             the lowest number in `order`, of equal numbers the first
    held     what the matched object has, and the `default` where there is none

B [.. k 4] anchors or proposals, D [.. j 4] objects, present [.. j]; match and sample [.. k]. `order` are random numbers
that are handed in, so that all columns sample alike. No gradient is taken by any of it.
Source: Ren et al. 2015 (Faster R-CNN), "Loss function"; ties and what is rescued are as in Detectron.
"""

import numpy as np

from reference.checks import same_shape, whole
from reference.detection.boxes import iou
from reference.detection.checks import fraction as a_fraction


def match(B, D, present, positive=0.7, negative=0.3, rescue=True):
    thresholds(positive, negative)
    if D.shape[-2] == 0:
        return np.broadcast_to(-1, B.shape[:-1])
    overlap = np.where(present[..., None, :], iou(B, D), -1)
    best = overlap.max(axis=-1)
    good = best >= positive
    if rescue:
        nearest = overlap.max(axis=-2, keepdims=True)
        good = good | ((overlap == nearest) & (overlap > 0)).any(axis=-1)
    return np.where(good, overlap.argmax(axis=-1), np.where(best < negative, -1, -2))


def sample(matched, order, count, fraction):
    same_shape("order", order, "matched", matched)
    whole("count", count)
    a_fraction("fraction", fraction)
    positive = first(matched >= 0, order, int(count * fraction))
    return positive | first(matched == -1, order, count - positive.sum(axis=-1, keepdims=True))


def first(chosen, order, count):
    """The `count` of those chosen that are lowest in order."""
    rank = np.argsort(np.argsort(np.where(chosen, order.real, np.inf), axis=-1, kind="stable"), axis=-1)
    return chosen & (rank < count)


def held(D, matched, default):
    if D.shape[-2] == 0:
        return default
    found = np.take_along_axis(D, np.maximum(matched, 0)[..., None], axis=-2)
    return np.where(matched[..., None] >= 0, found, default)


def thresholds(positive, negative):
    a_fraction("positive", positive)
    a_fraction("negative", negative)
    if negative > positive:
        raise ValueError(f"negative is {negative}; expected at most positive = {positive}")
