"""Flatten: m h w c -> m (h w c)."""

from flax import nnx


class Flatten(nnx.Module):
    def __init__(self):
        pass

    def __call__(self, x):
        return x.reshape(x.shape[0], -1)
