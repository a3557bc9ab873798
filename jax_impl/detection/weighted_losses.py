"""Sums of losses in which every example has a weight: 1/m for a mean over all, 0 for one that does not count.

w is [m 1], or one number for all. A row of zeros in y has no cross-entropy. `optax.huber_loss` is beta times smooth L1.
"""

import jax
import optax

from jax_impl.checks import positive


def weighted_squared_error(a, y, w):
    return (w * optax.squared_error(a, y)).sum()


def weighted_smooth_l1(a, y, w, beta=1.0):
    positive("beta", beta)
    return (w * optax.huber_loss(a, y, delta=beta) / beta).sum()


def weighted_logistic_loss(z, y, w):
    return (w * optax.sigmoid_binary_cross_entropy(z, y)).sum()


def weighted_cross_entropy(z, y, w):
    return -(w * y * jax.nn.log_softmax(z)).sum()
