"""Costs, means over the batch: from probabilities as the notes write them, and from logits, the stable form."""

import jax
import jax.numpy as jnp
import optax


def squared_error(a, y):
    return optax.l2_loss(a, y).sum() / len(a)


def squared_error_from_logits(z, y):
    return squared_error(jax.nn.sigmoid(z), y)


def logistic_loss(a, y):
    return -(y * jnp.log(a) + (1 - y) * jnp.log(1 - a)).sum() / len(a)


def logistic_loss_from_logits(z, y):
    return optax.sigmoid_binary_cross_entropy(z, y).sum() / len(z)


def softmax_cross_entropy(a, y):
    return -(y * jnp.log(a)).sum() / len(a)


def softmax_cross_entropy_from_logits(z, y):
    return optax.softmax_cross_entropy(z, y).mean()
