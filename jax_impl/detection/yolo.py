"""A small YOLO: a residual backbone, and heads at two scales, whose numbers are ordered by slot (m, s, 5 + k)."""

from itertools import chain, pairwise

import jax.numpy as jnp
from flax import nnx

from jax_impl.checks import images
from jax_impl.layers.activations import leaky_relu
from jax_impl.layers.batch_norm_2d import BatchNorm2d
from jax_impl.layers.conv import Conv
from jax_impl.layers.upsampling import Upsample
from jax_impl.sequential import Sequential


class ConvUnit(nnx.Module):
    def __init__(self, c_prev: int, c: int, f: int = 3, stride: int = 1, *, rngs: nnx.Rngs):
        self.conv = Conv(c_prev, c, f, stride, padding=f // 2, bias=False, rngs=rngs)
        self.bn = BatchNorm2d(c, rngs=rngs)

    def __call__(self, x):
        return leaky_relu(self.bn(self.conv(x)), slope=0.1)


class DarknetBlock(nnx.Module):
    def __init__(self, c: int, *, rngs: nnx.Rngs):
        self.reduce = ConvUnit(c, c // 2, 1, rngs=rngs)
        self.expand = ConvUnit(c // 2, c, rngs=rngs)

    def __call__(self, x):
        return x + self.expand(self.reduce(x))


def stage(c_prev, c, blocks, rngs):
    return [ConvUnit(c_prev, c, stride=2, rngs=rngs), *(DarknetBlock(c, rngs=rngs) for _ in range(blocks))]


class Yolo(nnx.Module):
    def __init__(
        self,
        num_classes: int,
        boxes: int = 2,
        widths: tuple[int, ...] = (16, 32, 64, 128, 256),
        blocks: int = 1,
        c_prev: int = 3,
        *,
        rngs: nnx.Rngs,
    ):
        self.num_classes, self.c_prev, self.stride = num_classes, c_prev, 2 ** (len(widths) - 1)
        *_, c_fine, c = widths
        *stages, last = [stage(*pair, blocks, rngs) for pair in pairwise(widths)]
        numbers = boxes * (5 + num_classes)
        self.fine = Sequential([ConvUnit(c_prev, widths[0], rngs=rngs), *chain(*stages)])
        self.coarse = Sequential(last)
        self.widen = ConvUnit(c, c, rngs=rngs)
        self.coarse_head = Conv(c, numbers, 1, rngs=rngs)
        self.lateral = ConvUnit(c, c_fine, 1, rngs=rngs)
        self.up = Upsample(2)
        self.merge = ConvUnit(2 * c_fine, c_fine, rngs=rngs)
        self.fine_head = Conv(c_fine, numbers, 1, rngs=rngs)

    def __call__(self, x):
        images(x, self.c_prev)
        if any(n % self.stride for n in x.shape[1:3]):
            raise ValueError(f"x has shape {x.shape}; expected a height and width divisible by {self.stride}")
        sharp = self.fine(x)
        deep = self.coarse(sharp)
        z_coarse = self.coarse_head(self.widen(deep))
        z_fine = self.fine_head(self.merge(jnp.concatenate([sharp, self.up(self.lateral(deep))], axis=-1)))
        return jnp.concatenate([self.rows(z_fine), self.rows(z_coarse)], axis=1)

    def rows(self, z):
        """m h w (a v) as m (h w a) v"""
        return z.reshape(len(z), -1, 5 + self.num_classes)
