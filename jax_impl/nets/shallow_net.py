"""A net with one hidden layer, returning the logits."""

from flax import nnx

from jax_impl.checks import one_of
from jax_impl.layers.activations import ACTIVATIONS
from jax_impl.layers.dense import Dense


class ShallowNet(nnx.Module):
    def __init__(self, n_x: int, n_h: int, n_y: int = 1, activation: str = "tanh", *, rngs: nnx.Rngs):
        self.hidden = Dense(n_x, n_h, rngs=rngs)
        one_of("activation", activation, ACTIVATIONS)
        self.activation = ACTIVATIONS[activation]
        self.output = Dense(n_h, n_y, rngs=rngs)

    def __call__(self, x):
        return self.output(self.activation(self.hidden(x)))
