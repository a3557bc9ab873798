"""Non-max suppression: of boxes (k, 4) that overlap, the best one stays.

Best is the higher score, and of equal scores the lower index; a box is dropped if its IoU with a better one that stays
is above the threshold, not at it. With `classes`, boxes of different classes leave each other alone. `survivors` and
`soft_suppression` have results of a fixed shape and can be jitted; the indices that stay are as many as there happen
to be.
"""

from functools import partial

import jax
import jax.numpy as jnp

from jax_impl.checks import positive
from jax_impl.detection.boxes import area, intersection
from jax_impl.detection.checks import corners, finite, fraction, one_each


def ranked(scores):
    """The indices from the best score to the worst, equal ones in their order."""
    return jnp.argsort(scores, descending=True, stable=True)


def non_max_suppression(boxes, scores, classes=None, threshold=0.5, limit=None):
    """The indices of the boxes that stay, best first, at most `limit` of them."""
    stays, order = survivors(boxes, scores, classes, threshold), ranked(scores)
    return order[stays[order]][:limit]


def survivors(boxes, scores, classes=None, threshold=0.5):
    """Whether each box stays (k,)."""
    candidates("boxes", boxes, scores, classes)
    fraction("threshold", threshold)
    classes = jnp.zeros_like(scores) if classes is None else classes
    if not len(boxes):
        return jnp.zeros(0, bool)
    return _survivors(boxes, scores, classes, threshold)


def soft_suppression(boxes, scores, classes=None, sigma=0.5, threshold=0.3, kind="gaussian"):
    """The damped scores (k,): what each box had left when it was taken."""
    candidates("boxes", boxes, scores, classes)
    if kind not in ("gaussian", "linear"):
        raise ValueError(f"kind is {kind!r}; expected one of 'gaussian', 'linear'")
    positive("sigma", sigma)
    fraction("threshold", threshold)
    classes = jnp.zeros_like(scores) if classes is None else classes
    if not len(boxes):
        return scores
    return _soft_suppression(boxes, scores, classes, sigma, threshold, kind)


def damping(best, boxes, sigma, threshold, kind):
    common, union = common_and_union(best, boxes)
    overlap = common / jnp.where(union > 0, union, 1)
    if kind == "gaussian":
        return jnp.exp(-jnp.square(overlap) / sigma)
    return jnp.where(common > threshold * union, 1 - overlap, 1)


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


@jax.jit
def _survivors(boxes, scores, classes, threshold):
    order, places = ranked(scores), jnp.arange(len(boxes))
    boxes, classes = boxes[order], classes[order]

    def take(i, stays):
        dropped = overlaps(boxes[i][None], boxes, threshold) & (classes == classes[i]) & (places > i)
        return stays & ~(stays[i] & dropped)

    stays = jax.lax.fori_loop(0, len(boxes), take, jnp.ones(len(boxes), bool))
    return jnp.zeros(len(boxes), bool).at[order].set(stays)


@partial(jax.jit, static_argnames="kind")
def _soft_suppression(boxes, scores, classes, sigma, threshold, kind):
    def take(_, carry):
        scores, left = carry
        best = jnp.where(left, scores, -jnp.inf).argmax()
        left = left.at[best].set(False)
        touched = left & (classes == classes[best])
        damped = scores * damping(boxes[best][None], boxes, sigma, threshold, kind)
        return jnp.where(touched, damped, scores), left

    scores, _ = jax.lax.fori_loop(0, len(boxes), take, (scores, jnp.ones(len(boxes), bool)))
    return scores
