"""Layers one after the other. `nnx.Sequential` keeps them in `layers`, which every path below it would then contain."""

from flax import nnx


class Sequential(nnx.List):
    """A list of modules and functions that can be called; the paths of its items are "0", "1", ..."""

    def __call__(self, x):
        for layer in self:
            x = layer(x)
        return x
