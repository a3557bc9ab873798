"""U-Net, returning a logit for every class and pixel: a level of convolutions has the next smaller one inside it."""

import jax
import jax.numpy as jnp
from flax import nnx

from jax_impl.checks import images
from jax_impl.layers.batch_norm_2d import BatchNorm2d
from jax_impl.layers.conv import Conv
from jax_impl.layers.conv_transpose import ConvTranspose
from jax_impl.layers.losses import softmax_cross_entropy_from_logits
from jax_impl.layers.pooling import MaxPool
from jax_impl.sequential import Sequential


class DoubleConv(nnx.Module):
    def __init__(self, c_prev: int, c: int, batch_norm: bool = False, *, rngs: nnx.Rngs):
        self.conv1 = Conv(c_prev, c, 3, padding=1, bias=not batch_norm, rngs=rngs)
        self.bn1 = BatchNorm2d(c, rngs=rngs) if batch_norm else Sequential()
        self.conv2 = Conv(c, c, 3, padding=1, bias=not batch_norm, rngs=rngs)
        self.bn2 = BatchNorm2d(c, rngs=rngs) if batch_norm else Sequential()

    def __call__(self, x):
        x = jax.nn.relu(self.bn1(self.conv1(x)))
        return jax.nn.relu(self.bn2(self.conv2(x)))


class Skip(nnx.Module):
    def __init__(self, channels: tuple[int, ...], batch_norm: bool = False, *, rngs: nnx.Rngs):
        c, c_below, *_ = channels
        inner = Level(c, channels[1:], batch_norm, rngs=rngs)
        self.below = Sequential([MaxPool(2), inner, ConvTranspose(c_below, c, 2, stride=2, rngs=rngs)])

    def __call__(self, x):
        return jnp.concatenate([x, self.below(x)], axis=-1)


class Level(nnx.Module):
    def __init__(self, c_prev: int, channels: tuple[int, ...], batch_norm: bool = False, *, rngs: nnx.Rngs):
        c = channels[0]
        self.encoder = DoubleConv(c_prev, c, batch_norm, rngs=rngs)
        self.innermost = len(channels) == 1
        if not self.innermost:
            self.skip = Skip(channels, batch_norm, rngs=rngs)
            self.decoder = DoubleConv(2 * c, c, batch_norm, rngs=rngs)

    def __call__(self, x):
        x = self.encoder(x)
        return x if self.innermost else self.decoder(self.skip(x))


class UNet(nnx.Module):
    def __init__(
        self,
        num_classes: int = 2,
        c_prev: int = 3,
        channels: tuple[int, ...] = (64, 128, 256, 512, 1024),
        batch_norm: bool = False,
        *,
        rngs: nnx.Rngs,
    ):
        if not channels:
            raise ValueError(f"channels is {channels}; expected those of at least one level")
        self.c_prev, self.stride = c_prev, 2 ** (len(channels) - 1)
        self.level = Level(c_prev, channels, batch_norm, rngs=rngs)
        self.head = Conv(channels[0], num_classes, 1, rngs=rngs)

    def __call__(self, x):
        images(x, self.c_prev)
        if any(n % self.stride for n in x.shape[1:3]):
            raise ValueError(f"x has shape {x.shape}; expected a height and width divisible by {self.stride}")
        return self.head(self.level(x))


def pixel_cost(z, y):
    return softmax_cross_entropy_from_logits(*(image.reshape(-1, image.shape[3]) for image in (z, y)))
