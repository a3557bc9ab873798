"""Inverted dropout. `nnx.Dropout` draws its own mask; here the draw is a method, so that a caller can hand one in."""

import jax
from flax import nnx


class Dropout(nnx.Module):
    def __init__(self, keep_prob: float, *, rngs: nnx.Rngs):
        if not 0 < keep_prob <= 1:
            raise ValueError(f"keep_prob is {keep_prob}; expected a probability in (0, 1]")
        self.keep_prob = keep_prob
        self.deterministic = False
        self.rngs = rngs.dropout.fork()

    def uniform(self, x):
        return jax.random.uniform(self.rngs(), x.shape, x.dtype)

    def __call__(self, x):
        if self.deterministic:
            return x
        return x * (self.uniform(x) < self.keep_prob) / self.keep_prob
