"""Softmax regression: one dense layer to n_y classes, returning the logits."""

from flax import nnx

from jax_impl.layers.dense import Dense


class SoftmaxRegression(nnx.Module):
    def __init__(self, n_x: int, n_y: int, *, rngs: nnx.Rngs):
        self.dense = Dense(n_x, n_y, rngs=rngs)

    def __call__(self, x):
        return self.dense(x)
