"""Logistic regression: one dense layer to one unit, returning the logit. `propagate_loop` is the loop it saves."""

import jax
import jax.numpy as jnp
from flax import nnx

from jax_impl.layers.dense import Dense
from jax_impl.layers.losses import logistic_loss_from_logits


class LogisticRegression(nnx.Module):
    def __init__(self, n_x: int, *, rngs: nnx.Rngs):
        self.dense = Dense(n_x, 1, rngs=rngs)

    def __call__(self, x):
        return self.dense(x)


def propagate(w, b, X, Y):
    J, (dw, db) = jax.value_and_grad(lambda w, b: logistic_loss_from_logits(X @ w + b, Y), argnums=(0, 1))(w, b)
    return J, dw, db


def propagate_loop(w, b, X, Y):
    m, n_x = X.shape

    def example(i, sums):
        J, dw, db = sums
        z = jax.lax.fori_loop(0, n_x, lambda j, z: z + w[j, 0] * X[i, j], b)
        a = jax.nn.sigmoid(z)
        J = J - (Y[i, 0] * jnp.log(a) + (1 - Y[i, 0]) * jnp.log(1 - a))
        dz = a - Y[i, 0]
        dw = jax.lax.fori_loop(0, n_x, lambda j, dw: dw.at[j, 0].add(X[i, j] * dz), dw)
        return J, dw, db + dz

    J, dw, db = jax.lax.fori_loop(0, m, example, (jnp.zeros_like(b), jnp.zeros_like(w), jnp.zeros_like(b)))
    return J / m, dw / m, db / m
