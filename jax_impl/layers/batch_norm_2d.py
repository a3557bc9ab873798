"""Batch normalization of images, m h w c: `BatchNorm`, which averages over all axes but the last."""

from flax import nnx

from jax_impl.layers.batch_norm import BatchNorm


class BatchNorm2d(BatchNorm):
    def __init__(self, c: int, momentum: float = 0.9, epsilon: float = 1e-5, *, rngs: nnx.Rngs):
        super().__init__(c, momentum, epsilon, rngs=rngs)
