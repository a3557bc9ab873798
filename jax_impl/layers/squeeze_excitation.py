"""Squeeze and excitation: each channel is scaled by a gate that has seen the whole image."""

import jax
from flax import nnx

from jax_impl.checks import one_of
from jax_impl.layers.activations import ACTIVATIONS
from jax_impl.layers.conv import Conv


class SqueezeExcitation(nnx.Module):
    def __init__(self, c: int, c_squeeze: int, activation: str = "relu", *, rngs: nnx.Rngs):
        self.fc1 = Conv(c, c_squeeze, 1, rngs=rngs)
        one_of("activation", activation, ACTIVATIONS)
        self.activation = ACTIVATIONS[activation]
        self.fc2 = Conv(c_squeeze, c, 1, rngs=rngs)

    def __call__(self, x):
        q = x.mean(axis=(1, 2), keepdims=True)
        return x * jax.nn.sigmoid(self.fc2(self.activation(self.fc1(q))))
