"""Region proposals: at every place of a map, which of some anchors hold an object, and how these are to be moved.

Anchors are boxes (N, 4), cell by cell and row by row; `by_anchor` brings a head's map into that order. Proposals are
constants: no gradient is taken through them. Their number is fixed, so that all of it can be jitted.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jax_impl.checks import whole
from jax_impl.detection.box_deltas import decode, encode
from jax_impl.detection.checks import positive_ratios, sizes
from jax_impl.detection.matching import held, match, sample
from jax_impl.detection.suppression import ranked, survivors
from jax_impl.detection.weighted_losses import weighted_logistic_loss, weighted_smooth_l1
from jax_impl.layers.conv import Conv


def sliding_anchors(h, w, stride, anchor_sizes, ratios):
    whole("stride", stride)
    sizes("anchor_sizes", np.array([[size, size] for size in anchor_sizes]))
    positive_ratios("ratios", ratios)
    size, root = np.array(anchor_sizes)[:, None], np.sqrt(np.array(ratios))
    half = np.stack([size / root, size * root], axis=-1).reshape(-1, 2) / 2
    x, y = (stride * (np.arange(n) + 0.5) for n in (w, h))
    middle = np.stack(np.meshgrid(x, y), axis=-1)[:, :, None]
    return jnp.asarray(np.concatenate([middle - half, middle + half], axis=-1).reshape(-1, 4))


class RPNHead(nnx.Module):
    def __init__(self, c_prev: int, c: int, anchors: int, *, rngs: nnx.Rngs):
        self.conv = Conv(c_prev, c, 3, padding=1, rngs=rngs)
        self.objectness = Conv(c, anchors, 1, rngs=rngs)
        self.deltas = Conv(c, 4 * anchors, 1, rngs=rngs)

    def __call__(self, x):
        x = jax.nn.relu(self.conv(x))
        return self.objectness(x), self.deltas(x)


def by_anchor(z, numbers):
    """[m h w (a n)] as [m (h w a) n], n = `numbers`."""
    return z.reshape(len(z), -1, numbers)


def propose(objectness, deltas, anchors, image, count, threshold=0.7):
    """Boxes [m count 4] from objectness [m N] and deltas [m N 4]."""
    whole("count", count)
    if count > len(anchors):
        raise ValueError(f"count is {count}; expected at most {len(anchors)}, as many as there are anchors")
    objectness, deltas = jax.lax.stop_gradient((objectness, deltas))
    boxes = inside(decode(deltas, jnp.broadcast_to(anchors, deltas.shape)), image)
    return jax.vmap(lambda each, scores: each[best(each, scores, threshold)[:count]])(boxes, objectness)


def inside(boxes, image):
    """The part of each box in the image of (height, width), at least a pixel wide and high."""
    limits = jnp.asarray(image[::-1], boxes.dtype)
    near = jnp.minimum(jnp.maximum(boxes[..., :2], 0), limits - 1)
    return jnp.concatenate([near, jnp.minimum(jnp.maximum(boxes[..., 2:], near + 1), limits)], axis=-1)


def best(boxes, scores, threshold):
    """The indices of the boxes that non-max suppression leaves, best first, then those that it drops."""
    order = ranked(scores)
    dropped = ~survivors(boxes, scores, threshold=threshold)[order]
    return order[jnp.argsort(dropped, stable=True)]


def rpn_loss(objectness, deltas, anchors, boxes, classes, order, count=32, fraction=0.5, positive=0.7, negative=0.3):
    """Boxes [m n 4] are objects, none if of class -1 [m n]; of each image `count` anchors are sampled, by `order`."""
    given = jnp.broadcast_to(anchors, (*order.shape, 4))
    matched = match(given, boxes, classes >= 0, positive, negative)
    chosen = sample(matched, order, count, fraction)
    weight = chosen / jnp.maximum(chosen.sum(), 1).astype(objectness.dtype)
    is_object = (matched >= 0).astype(objectness.dtype)
    target = encode(held(boxes, matched, given), given)
    J_object = weighted_logistic_loss(objectness, is_object, weight)
    return J_object + weighted_smooth_l1(deltas, target, (weight * is_object)[..., None], beta=1 / 9)
