"""Pooling. The stride is the window if not given (Flax's default is 1); a window over the edge is dropped.

Max pool pads with -inf; average pool leaves the padding out of its count unless told (Flax's default counts it, and
its other choice divides by float32 ones). Of several equal maxima the first in row-major order gets the gradient, which
holds for `reduce_window` but not for a maximum over slices.
"""

import jax.numpy as jnp
from flax import nnx
from jax import lax

from jax_impl.checks import floats
from jax_impl.layers.padding import pads, pair


class MaxPool(nnx.Module):
    def __init__(
        self,
        f: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: str | int | tuple = "valid",
    ):
        self.f, self.stride, self.padding = pair(f), pair(f if stride is None else stride), padding

    def __call__(self, x):
        floats(x)
        return nnx.max_pool(x, self.f, self.stride, _sides(self, x.shape[1:3]))


class AveragePool(nnx.Module):
    def __init__(
        self,
        f: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: str | int | tuple = "valid",
        count_padding: bool = False,
    ):
        self.f, self.stride, self.padding = pair(f), pair(f if stride is None else stride), padding
        self.count_padding = count_padding

    def __call__(self, x):
        floats(x)
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))  # reduce_window would add up in 16 bits
        whole = self.f[0] * self.f[1]
        count = whole if self.count_padding else self.window_sum(jnp.ones_like(wide[:1, :, :, :1]))
        return (self.window_sum(wide) / count).astype(x.dtype)

    def window_sum(self, x):
        sides = _sides(self, x.shape[1:3])
        return lax.reduce_window(x, 0.0, lax.add, (1, *self.f, 1), (1, *self.stride, 1), ((0, 0), *sides, (0, 0)))


class GlobalAveragePool(nnx.Module):
    def __init__(self):
        pass

    def __call__(self, x):
        floats(x)
        return x.mean(axis=(1, 2))


def _sides(pool, size):
    """The padding on images of (h, w) = size: at most half a window, so that none lies wholly in it."""
    sides = pads(pool.padding, pool.f, pool.stride, size=size)
    if any(max(side) > n // 2 for side, n in zip(sides, pool.f)):
        raise ValueError(f"padding is {sides}; expected at most half the window, which is {pool.f}")
    return sides
