"""Fast R-CNN's two heads: of each region, what it is (class 0 is background) and where exactly its box is.

Each class of objects has deltas of its own, [r (k 4)]; a class c of the labels is column c + 1 of the scores. The loss
can be jitted; how many detections there are is not known beforehand.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from jax_impl.detection.box_deltas import decode, encode
from jax_impl.detection.checks import class_numbers
from jax_impl.detection.checks import fraction as a_fraction
from jax_impl.detection.matching import held, match, sample
from jax_impl.detection.proposals import inside
from jax_impl.detection.suppression import non_max_suppression
from jax_impl.detection.weighted_losses import weighted_cross_entropy, weighted_smooth_l1
from jax_impl.layers.dense import Dense
from jax_impl.layers.flatten import Flatten

WEIGHTS = (10, 10, 5, 5)


class FastRCNNHead(nnx.Module):
    def __init__(self, num_classes: int, c: int, f: int = 7, hidden: int = 1024, *, rngs: nnx.Rngs):
        self.flatten = Flatten()
        self.fc1 = Dense(f * f * c, hidden, rngs=rngs)
        self.scores = Dense(hidden, 1 + num_classes, rngs=rngs)
        self.deltas = Dense(hidden, 4 * num_classes, rngs=rngs)

    def __call__(self, x):
        x = jax.nn.relu(self.fc1(self.flatten(x)))
        return self.scores(x), self.deltas(x)


def fast_rcnn_loss(
    scores, deltas, proposals, boxes, classes, order, count=16, fraction=0.25, positive=0.5, negative=0.5
):
    """Boxes [m n 4] are objects, none if of class -1 [m n]; of each image `count` proposals are sampled, by `order`."""
    k = class_count(scores, deltas)
    class_numbers("classes", classes, k, least=-1)
    matched = match(proposals, boxes, classes >= 0, positive, negative, rescue=False)
    chosen = sample(matched, order, count, fraction)
    u = 1 + held(classes[..., None], matched, jnp.full((*matched.shape, 1), -1)).astype(int).ravel()
    weight = (chosen / jnp.maximum(chosen.sum(), 1).astype(scores.dtype)).reshape(-1, 1)
    J_class = weighted_cross_entropy(scores, jax.nn.one_hot(u, 1 + k, dtype=scores.dtype), weight)
    target = encode(held(boxes, matched, proposals), proposals, WEIGHTS).reshape(-1, 4)
    own = jnp.take_along_axis(deltas.reshape(-1, k, 4), jnp.maximum(u - 1, 0)[:, None, None], axis=1)[:, 0]
    return J_class + weighted_smooth_l1(own, target, weight * (u > 0)[:, None])


def detections(scores, deltas, proposals, image, least=0.5, threshold=0.5):
    """Of scores [r 1+k], deltas [r (k 4)] and proposals [r 4]: those of a probability of at least `least`."""
    k = class_count(scores, deltas)
    a_fraction("least", least)
    probability = jax.nn.softmax(scores)[:, 1:].ravel()
    boxes = inside(decode(deltas.reshape(-1, 4), jnp.repeat(proposals, k, axis=0), WEIGHTS), image)
    classes = jnp.tile(jnp.arange(k), len(proposals))
    likely = probability >= least
    boxes, classes, probability = boxes[likely], classes[likely], probability[likely]
    kept = non_max_suppression(boxes, probability, classes, threshold)
    return jnp.concatenate([boxes, probability[:, None], classes[:, None]], axis=1)[kept]


def class_count(scores, deltas):
    k = scores.shape[1] - 1
    if k < 1 or deltas.shape[1] != 4 * k:
        raise ValueError(
            f"deltas has shape {deltas.shape}; expected 4 columns for each class of scores {scores.shape} but one"
        )
    return k
