"""Nets that give images: a U-Net, a generator of transposed convolutions."""

from functools import partial

import jax
import jax.numpy as jnp
import torch
import torch.nn.functional as F
from flax import nnx
from torch import nn

from tests.ports.port import BatchNorm, Mistake, Port, change, images, rngs


class Twice(nn.Module):
    def __init__(self, c_in, c):
        super().__init__()
        self.c1, self.g1 = nn.Conv2d(c_in, c, 3, padding=1), nn.GroupNorm(2, c)
        self.c2, self.g2 = nn.Conv2d(c, c, 3, padding=1), nn.GroupNorm(2, c)

    def forward(self, x):
        return F.silu(self.g2(self.c2(F.silu(self.g1(self.c1(x))))))


class Unet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1, self.down2, self.bottom = Twice(2, 4), Twice(4, 6), Twice(6, 8)
        self.up = nn.ConvTranspose2d(8, 6, 2, 2)
        self.merge2, self.merge1 = Twice(12, 6), Twice(10, 4)
        self.out = nn.Conv2d(4, 3, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        y = self.up(self.bottom(F.avg_pool2d(b, 2)))
        y = self.merge2(torch.cat([b, y], 1))
        y = F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)
        return self.out(self.merge1(torch.cat([a, y], 1)))


class Pair(nnx.Module):
    def __init__(self, c_in, c, rngs):
        self.first, self.norm = nnx.Conv(c_in, c, (3, 3), rngs=rngs), nnx.GroupNorm(c, 2, epsilon=1e-5, rngs=rngs)
        self.second, self.norm2 = nnx.Conv(c, c, (3, 3), rngs=rngs), nnx.GroupNorm(c, 2, epsilon=1e-5, rngs=rngs)
        self.act = jax.nn.silu

    def __call__(self, x):
        return self.act(self.norm2(self.second(jax.nn.silu(self.norm(self.first(x))))))


class UnetPort(nnx.Module):
    def __init__(self, rngs):
        self.enter, self.lower, self.deep = Pair(2, 4, rngs), Pair(4, 6, rngs), Pair(6, 8, rngs)
        self.lift = nnx.ConvTranspose(8, 6, (2, 2), 2, padding="VALID", transpose_kernel=True, rngs=rngs)
        self.join, self.leave = Pair(12, 6, rngs), Pair(10, 4, rngs)
        self.map = nnx.Conv(4, 3, (1, 1), rngs=rngs)
        self.method, self.turned = "bilinear", False
        self.pool = partial(nnx.max_pool, window_shape=(2, 2), strides=(2, 2))

    def __call__(self, x):
        a = self.enter(x)
        b = self.lower(self.pool(a))
        y = self.lift(self.deep(nnx.avg_pool(b, (2, 2), (2, 2))))
        y = self.join(jnp.concatenate([y, b] if self.turned else [b, y], -1))
        y = jax.image.resize(y, (*a.shape[:3], y.shape[-1]), self.method)
        return self.map(self.leave(jnp.concatenate([a, y], -1)))


UNET = Port(
    "unet",
    Unet,
    lambda: UnetPort(rngs()),
    lambda: {"x": images(2, 2, 12, 12)},
    (
        Mistake("nearest for bilinear", change("", method="nearest"), [""], ["resize-method"]),
        Mistake("cubic for bilinear", change("", method="cubic"), [""], ["resize-method"]),
        Mistake(
            "average for max",
            change("", pool=partial(nnx.avg_pool, window_shape=(2, 2), strides=(2, 2))),
            [""],
            ["max-for-mean-pooling"],
        ),
        Mistake("concatenated in the other order", change("", turned=True), [""], ["concat-order"]),
        Mistake(
            "groups of the norm", change("deep.norm", num_groups=4, group_size=2), ["bottom.g1"], ["groupnorm-groups"]
        ),
        Mistake("eps of a group norm", change("join.norm2", epsilon=1e-3), ["merge2.g2"], ["groupnorm-eps"]),
        Mistake("relu for silu", change("lower", act=jax.nn.relu), ["down2"], ["activation-other"]),
        Mistake("wrapped border", change("enter.second", padding="CIRCULAR"), ["down1.c2"], ["conv-padding-mode"]),
        Mistake("a made-up activation", change("leave", act=lambda x: jnp.sin(x)), ["merge1"]),
    ),
)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.project = nn.Linear(5, 6 * 3 * 3)
        self.main = nn.Sequential(
            nn.ConvTranspose2d(6, 5, 4, 2, 1, bias=False),
            nn.BatchNorm2d(5),
            nn.LeakyReLU(0.2),
            nn.Conv2d(5, 4, 3, padding=2, dilation=2),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(4, 3, 4, 2, 1),
            nn.Tanh(),
        )

    def forward(self, z):
        return self.main(self.project(z).view(-1, 6, 3, 3))


class GeneratorPort(nnx.Module):
    def __init__(self, rngs):
        spread = partial(nnx.ConvTranspose, kernel_size=(4, 4), strides=2, padding=((2, 2), (2, 2)), rngs=rngs)
        self.start = nnx.Linear(5, 54, rngs=rngs)
        self.big, self.bigger = spread(6, 5, use_bias=False), spread(4, 3)
        self.big.transpose_kernel = self.bigger.transpose_kernel = False
        self.norm = BatchNorm(5, momentum=0.9, rngs=rngs)
        self.wide = nnx.Conv(5, 4, (3, 3), kernel_dilation=2, padding=2, rngs=rngs)
        self.slope, self.act = 0.2, jnp.tanh

    def __call__(self, z):
        x = self.start(z).reshape(-1, 6, 3, 3).transpose(0, 2, 3, 1)
        x = jax.nn.leaky_relu(self.norm(self.big(x)), self.slope)
        return self.act(self.bigger(jax.nn.leaky_relu(self.wide(x), 0.2)))


GENERATOR = Port(
    "generator",
    Generator,
    lambda: GeneratorPort(rngs()),
    lambda: {"z": images(4, 5)},
    (
        Mistake("slope", change("", slope=0.01), ["", "main"], ["leaky-relu-slope"]),
        Mistake("sigmoid for tanh", change("", act=jax.nn.sigmoid), ["", "main"], ["activation-other"]),
        Mistake(
            "no dilation", change("wide", kernel_dilation=1, padding=1), ["main.3"], ["conv-dilation", "conv-padding"]
        ),
        Mistake("eps", change("norm", epsilon=1e-3), ["main.1"], ["batchnorm-eps"]),
        Mistake("a made-up last function", change("", act=lambda x: jnp.cos(x) * x), ["", "main"]),
    ),
)

PORTS = (UNET, GENERATOR)
