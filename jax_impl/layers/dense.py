"""Dense (fully connected) layer: `flax.nnx.Linear`, y = x W + b."""

from flax import nnx


class Dense(nnx.Linear):
    def __init__(self, n_prev: int, n: int, bias: bool = True, *, rngs: nnx.Rngs):
        super().__init__(n_prev, n, use_bias=bias, rngs=rngs)
