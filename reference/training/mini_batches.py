"""Mini-batches: the m examples in a given order, cut into pieces of `size`; the last one may be smaller.

    size = m is batch gradient descent, size = 1 stochastic gradient descent. A new epoch takes a new order.

X [n_x m], Y [n_y m], order a permutation of 0..m-1 -> [(X_t, Y_t)] with X_t [n_x size], Y_t [n_y size].
Source: Course 2, week 2, "Mini-batch gradient descent".
"""

import numpy as np

from reference.checks import matrix, whole
from reference.training.checks import permutation


def mini_batches(X, Y, size, order):
    matrix("X", X)
    matrix("Y", Y)
    m = X.shape[1]
    if Y.shape[1] != m:
        raise ValueError(f"Y has {Y.shape[1]} examples; expected {m}, as many as X has columns")
    whole("size", size)
    order = np.asarray(order)
    permutation("order", order, m)
    pieces = [order[start : start + size] for start in range(0, m, size)]
    return [(X[:, piece], Y[:, piece]) for piece in pieces]
