"""Which anchor or proposal answers for which object, and which of them a step of training looks at.

Boxes (.., k, 4) are matched with objects (.., j, 4) by their IoU: an index, -1 for background, -2 for neither. Of equal
IoUs the first object counts, and `rescue` takes all anchors that come equally near to an object. `order` are random
numbers that are handed in. All shapes are fixed, so that it can be jitted.
"""

import jax.numpy as jnp

from jax_impl.checks import whole
from jax_impl.detection.boxes import iou
from jax_impl.detection.checks import fraction as a_fraction
from jax_impl.detection.checks import same_shape


def match(boxes, objects, present, positive=0.7, negative=0.3, rescue=True):
    thresholds(positive, negative)
    if objects.shape[-2] == 0:
        return jnp.full(boxes.shape[:-1], -1)
    overlap = jnp.where(present[..., None, :], iou(boxes, objects), -1)
    best = overlap.max(axis=-1)
    good = best >= positive
    if rescue:
        nearest = overlap.max(axis=-2, keepdims=True)
        good |= ((overlap == nearest) & (overlap > 0)).any(axis=-1)
    return jnp.where(good, overlap.argmax(axis=-1), jnp.where(best < negative, -1, -2))


def sample(matched, order, count, fraction):
    same_shape("order", order, "matched", matched)
    whole("count", count)
    a_fraction("fraction", fraction)
    positive = first(matched >= 0, order, int(count * fraction))
    return positive | first(matched == -1, order, count - positive.sum(axis=-1, keepdims=True))


def first(chosen, order, count):
    """The `count` of those chosen that are lowest in order."""
    rank = jnp.where(chosen, order, jnp.inf).argsort(axis=-1, stable=True).argsort(axis=-1)
    return chosen & (rank < count)


def held(values, matched, default):
    """What the matched object has of the values (.., j, n), and the default (.., k, n) where there is none."""
    if values.shape[-2] == 0:
        return default
    found = jnp.take_along_axis(values, jnp.maximum(matched, 0)[..., None], axis=-2)
    return jnp.where(matched[..., None] >= 0, found, default)


def thresholds(positive, negative):
    a_fraction("positive", positive)
    a_fraction("negative", negative)
    if negative > positive:
        raise ValueError(f"negative is {negative}; expected at most positive = {positive}")
