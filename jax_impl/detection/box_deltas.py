"""Box deltas: boxes (.., k, 4) as seen from anchors or proposals, one for each; the exponent of a size is cut off."""

import math

import jax.numpy as jnp
from jax import lax

from jax_impl.detection.boxes import center_from_corner, corner_from_center
from jax_impl.detection.checks import finite, positive_corners, positive_weights, same_shape

LIMIT = math.log(1000 / 16)


def encode(boxes, anchors, weights=(1, 1, 1, 1)):
    compared("boxes", boxes, anchors, weights)
    positive_corners("boxes", boxes)
    own_middle, own_size = jnp.split(center_from_corner(lax.stop_gradient(anchors)), 2, axis=-1)
    middle, size = jnp.split(center_from_corner(boxes), 2, axis=-1)
    deltas = jnp.concatenate([(middle - own_middle) / own_size, jnp.log(size / own_size)], axis=-1)
    return deltas * jnp.asarray(weights, deltas.dtype)


def decode(deltas, anchors, weights=(1, 1, 1, 1)):
    compared("deltas", deltas, anchors, weights)
    shift, exponent = jnp.split(deltas / jnp.asarray(weights, deltas.dtype), 2, axis=-1)
    middle, size = jnp.split(center_from_corner(lax.stop_gradient(anchors)), 2, axis=-1)
    cut_off = jnp.where(exponent <= LIMIT, exponent, LIMIT)  # `minimum` would give half of the gradient at the limit
    return corner_from_center(jnp.concatenate([middle + size * shift, size * jnp.exp(cut_off)], axis=-1))


def compared(name, x, anchors, weights):
    finite(name, x)
    positive_corners("anchors", anchors)
    same_shape(name, x, "anchors", anchors)
    positive_weights("weights", weights)
