"""Upsampling by a whole factor: `jax.image.resize`, bilinear with half-pixel centres."""

import jax
from flax import nnx

from jax_impl.checks import floats, one_of, sizes
from jax_impl.layers.padding import pair


class Upsample(nnx.Module):
    def __init__(self, scale: int | tuple[int, int], kind: str = "nearest"):
        sizes(scale=scale)
        one_of("kind", kind, ("nearest", "bilinear"))
        self.scale, self.kind = pair(scale), kind

    def __call__(self, x):
        floats(x)
        m, h, w, c = x.shape
        shape = (m, h * self.scale[0], w * self.scale[1], c)
        return jax.image.resize(x, shape, method=self.kind, antialias=False)
