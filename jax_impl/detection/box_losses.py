"""Losses of a predicted box against the true box, as corners (k, 4): one a pair, 0 where they are the same.

    iou   1 - IoU          giou   + (|hull| - |union|)/|hull|          diou   + rho^2/c^2          ciou   + alpha v too

No gradient is taken by ciou's weight alpha. `jnp.minimum` and `jnp.maximum` halve the gradient between equals.
"""

import math

import jax
import jax.numpy as jnp

from jax_impl.detection.boxes import area
from jax_impl.detection.checks import corners, positive_corners, same_shape


def iou_loss(boxes, targets):
    _compared(boxes, targets)
    overlap, _ = _overlaps(boxes, targets)
    return 1 - overlap


def giou_loss(boxes, targets):
    _compared(boxes, targets)
    overlap, union = _overlaps(boxes, targets)
    hull = _hull(boxes, targets).prod(axis=1)
    missing = (hull - union) / jnp.where(hull > 0, hull, 1)
    return 1 - overlap + missing


def diou_loss(boxes, targets):
    _compared(boxes, targets)
    overlap, _ = _overlaps(boxes, targets)
    return 1 - overlap + _center_distance(boxes, targets)


def ciou_loss(boxes, targets):
    _compared(boxes, targets)
    positive_corners("targets", targets)
    overlap, _ = _overlaps(boxes, targets)
    v = (4 / math.pi**2) * jnp.square(_angle(targets) - _angle(boxes))
    apart = 1 - overlap + v
    alpha = jax.lax.stop_gradient(v / jnp.where(apart > 0, apart, 1))
    return 1 - overlap + _center_distance(boxes, targets) + alpha * v


def _compared(boxes, targets):
    corners("boxes", boxes)
    corners("targets", targets)
    same_shape("targets", targets, "boxes", boxes)


def _overlaps(boxes, targets):
    """IoU and the area of the union of each pair."""
    far = jnp.minimum(boxes[:, 2:], targets[:, 2:])
    near = jnp.maximum(boxes[:, :2], targets[:, :2])
    w, h = jnp.unstack(jax.nn.relu(far - near), axis=1)
    union = area(boxes) + area(targets) - w * h
    return w * h / jnp.where(union > 0, union, 1), union


def _hull(boxes, targets):
    """Width and height (k, 2) of the smallest box around both."""
    return jnp.maximum(boxes[:, 2:], targets[:, 2:]) - jnp.minimum(boxes[:, :2], targets[:, :2])


def _center_distance(boxes, targets):
    """rho^2/c^2"""
    gap = ((boxes[:, :2] - targets[:, :2]) + (boxes[:, 2:] - targets[:, 2:])) / 2
    diagonal = jnp.square(_hull(boxes, targets)).sum(axis=1)
    return jnp.square(gap).sum(axis=1) / jnp.where(diagonal > 0, diagonal, 1)


def _angle(boxes):
    """Of the diagonal; a flat box's is that of height 1."""
    w, h = jnp.unstack(boxes[:, 2:] - boxes[:, :2], axis=1)
    return jnp.arctan(w / jnp.where(h > 0, h, 1))
