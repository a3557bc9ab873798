"""How good a detector is: average precision.

Detections boxes (d, 4), scores, classes, images (d,) and objects truth (t, 4), their classes and images (t,) of a whole
data set. Best score first, each detection takes the object of its image and class that it overlaps most, of those not
yet taken; it is a hit if their IoU is at least the threshold. Precision at a recall is the best at that recall or
beyond, and is averaged as the area below it ("all-point") or over 11 or 101 recalls.
"""

import jax
import jax.numpy as jnp

from jax_impl.detection.boxes import iou
from jax_impl.detection.checks import class_numbers, one_each
from jax_impl.detection.suppression import candidates, ranked

KINDS = {"11-point": 10, "101-point": 100}
COCO = tuple((50 + 5 * i) / 100 for i in range(10))


def hits(overlap, threshold):
    """Whether each detection, best first, hits an object: overlap (d, t), below 0 where they cannot meet -> (d,)."""
    return _hits(jnp.asarray(overlap), threshold)


def precision_recall(hit, count):
    """Along the detections, best first, of `count` objects."""
    total = hit.cumsum().astype(float)
    return total / jnp.arange(1, len(hit) + 1), total / count


def average_precision(precision, recall, kind="all-point"):
    if kind not in ("all-point", *KINDS):
        raise ValueError(f"kind is {kind!r}; expected one of 'all-point', '11-point', '101-point'")
    if not len(precision):
        return jnp.zeros((), precision.dtype)
    best = jax.lax.cummax(precision, reverse=True)
    if kind == "all-point":
        return (jnp.diff(recall, prepend=0) * best).sum()
    points = jnp.arange(KINDS[kind] + 1, dtype=recall.dtype) / KINDS[kind]
    reached = recall >= points[:, None]
    return jnp.where(reached.any(axis=1), best[reached.argmax(axis=1)], 0).mean()


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
    overlap = jnp.where(images[order][:, None] == truth_images, iou(boxes[order], truth), -1)

    def of_class(k, threshold):
        ours, theirs = classes[order] == k, truth_classes == k
        if not theirs.any():
            return jnp.nan
        hit = hits(overlap[ours][:, theirs], threshold)
        return average_precision(*precision_recall(hit, theirs.sum()), kind)

    return jnp.array([[of_class(k, threshold) for k in range(count)] for threshold in thresholds])


def mean_average_precision(
    boxes, scores, classes, images, truth, truth_classes, truth_images, count, thresholds=(0.5,), kind="all-point"
):
    return jnp.nanmean(
        average_precisions(boxes, scores, classes, images, truth, truth_classes, truth_images, count, thresholds, kind)
    )


@jax.jit
def _hits(overlap, threshold):
    places = jnp.arange(overlap.shape[1])

    def take(free, row):
        open_to = jnp.where(free, row, -1)
        taken = (places == open_to.argmax()) & (open_to >= threshold) if len(places) else free
        return free & ~taken, taken.any()

    return jax.lax.scan(take, jnp.ones(len(places), bool), overlap)[1]
