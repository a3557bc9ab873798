"""Logistic regression: Z = w^T x + b for every example, A = sigmoid(Z); the net returns the logits Z [1 m].

`propagate` is the notes' vectorized cost and gradient, `propagate_loop` the same with explicit loops over examples and
features, to see what vectorization saves:

    J = -1/m sum y log a + (1-y) log(1-a)        dw = 1/m X (A - Y)^T        db = 1/m sum (A - Y)

w [n_x 1], b a number, X [n_x m], Y [1 m]. Source: Course 1, week 2.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reference.layers.activations import sigmoid
from reference.layers.dense import Dense
from reference.layers.losses import logistic_loss_from_logits
from reference.module import Chain


@dataclass(frozen=True)
class LogisticRegression(Chain):
    n_x: int

    @cached_property
    def parts(self):
        return {"dense": Dense(self.n_x, 1)}


def propagate(w, b, X, Y):
    Z = w.T @ X + b
    J, back_loss = logistic_loss_from_logits(Z, Y)
    dZ = back_loss(1)
    return J, X @ dZ.T, dZ.sum()


def propagate_loop(w, b, X, Y):
    n_x, m = X.shape
    J, dw, db = 0, [0] * n_x, 0
    for i in range(m):
        z = b
        for j in range(n_x):
            z = z + w[j, 0] * X[j, i]
        a, _ = sigmoid(z)
        J = J - (Y[0, i] * np.log(a) + (1 - Y[0, i]) * np.log(1 - a))
        dz = a - Y[0, i]
        for j in range(n_x):
            dw[j] = dw[j] + X[j, i] * dz
        db = db + dz
    return J / m, np.array(dw)[:, None] / m, db / m
