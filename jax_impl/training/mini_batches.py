"""Mini-batches: the m examples in a given order, cut into pieces of `size`; the last one may be smaller.

    size = m is batch gradient descent, size = 1 stochastic gradient descent. A new epoch takes a new order.

X (m, ...), Y (m, ...), order a permutation of 0..m-1 -> [(X_t, Y_t)]. The smaller last batch is a second shape, so a
jitted step compiles twice.
"""

import jax.numpy as jnp

from jax_impl.checks import whole
from jax_impl.training.checks import permutation


def mini_batches(X, Y, size, order):
    m = X.shape[0]
    if X.ndim < 2 or m == 0:
        raise ValueError(f"X has shape {X.shape}; expected at least one example, one a row")
    if Y.shape[0] != m:
        raise ValueError(f"Y has {Y.shape[0]} examples; expected {m}, as many as X has rows")
    whole("size", size)
    order = jnp.asarray(order)
    permutation("order", order, m)
    pieces = [order[start : start + size] for start in range(0, m, size)]
    return [(X[piece], Y[piece]) for piece in pieces]
