"""GoogLeNet of Inception modules, returning the logits, and with `auxiliary` heads (logits, logits, logits)."""

import jax
import jax.numpy as jnp
from flax import nnx

from jax_impl.checks import images, maps
from jax_impl.layers.conv import Conv
from jax_impl.layers.dense import Dense
from jax_impl.layers.dropout import Dropout
from jax_impl.layers.flatten import Flatten
from jax_impl.layers.local_response_norm import LocalResponseNorm
from jax_impl.layers.losses import softmax_cross_entropy_from_logits
from jax_impl.layers.pooling import AveragePool, GlobalAveragePool, MaxPool
from jax_impl.sequential import Sequential

GOOGLENET = (
    ("inception3a", 64, 96, 128, 16, 32, 32),
    ("inception3b", 128, 128, 192, 32, 96, 64),
    ("pool3",),
    ("inception4a", 192, 96, 208, 16, 48, 64),
    ("aux1",),
    ("inception4b", 160, 112, 224, 24, 64, 64),
    ("inception4c", 128, 128, 256, 24, 64, 64),
    ("inception4d", 112, 144, 288, 32, 64, 64),
    ("aux2",),
    ("inception4e", 256, 160, 320, 32, 128, 128),
    ("pool4",),
    ("inception5a", 256, 160, 320, 32, 128, 128),
    ("inception5b", 384, 192, 384, 48, 128, 128),
)


STEM, POOL, HEAD = ((7, 2, 3), (1, 2, 0), (1, 2, 0)), (1, 2, 0), (5, 3, 0)
"""(f, stride, padding) of what makes maps smaller; of n pixels a pool leaves ceil(n / 2), as one of f = 1 would."""


class Inception(nnx.Module):
    def __init__(
        self,
        c_prev: int,
        c1: int,
        c3_reduce: int,
        c3: int,
        c5_reduce: int,
        c5: int,
        c_pool: int,
        *,
        rngs: nnx.Rngs,
    ):
        narrow3, narrow5 = Conv(c_prev, c3_reduce, 1, rngs=rngs), Conv(c_prev, c5_reduce, 1, rngs=rngs)
        wide3, wide5 = Conv(c3_reduce, c3, 3, padding=1, rngs=rngs), Conv(c5_reduce, c5, 5, padding=2, rngs=rngs)
        pool = MaxPool(3, stride=1, padding=1)
        self.branch1 = Sequential([Conv(c_prev, c1, 1, rngs=rngs), jax.nn.relu])
        self.branch3 = Sequential([narrow3, jax.nn.relu, wide3, jax.nn.relu])
        self.branch5 = Sequential([narrow5, jax.nn.relu, wide5, jax.nn.relu])
        self.branch_pool = Sequential([pool, Conv(c_prev, c_pool, 1, rngs=rngs), jax.nn.relu])

    def __call__(self, x):
        return jnp.concatenate([self.branch1(x), self.branch3(x), self.branch5(x), self.branch_pool(x)], axis=-1)


class AuxiliaryHead(nnx.Module):
    def __init__(
        self,
        c_prev: int,
        num_classes: int,
        c: int = 128,
        hidden: int = 1024,
        keep_prob: float = 0.3,
        h: int = 4,
        w: int = 4,
        *,
        rngs: nnx.Rngs,
    ):
        self.c_prev, self.size = c_prev, (h, w)
        self.avgpool = AveragePool(5, stride=3)
        self.conv = Conv(c_prev, c, 1, rngs=rngs)
        self.flatten = Flatten()
        self.fc1 = Dense(h * w * c, hidden, rngs=rngs)
        self.dropout = Dropout(keep_prob, rngs=rngs)
        self.fc2 = Dense(hidden, num_classes, rngs=rngs)

    def __call__(self, x):
        images(x, self.c_prev)
        maps(x, self.size, (HEAD,))
        x = jax.nn.relu(self.conv(self.avgpool(x)))
        x = jax.nn.relu(self.fc1(self.flatten(x)))
        return self.fc2(self.dropout(x))


class GoogLeNet(nnx.Module):
    def __init__(
        self,
        num_classes: int = 1000,
        auxiliary: bool = False,
        keep_prob: float = 0.6,
        c_prev: int = 3,
        stem: tuple[int, int, int] = (64, 64, 192),
        config: tuple[tuple, ...] = GOOGLENET,
        head: tuple[int, int] = (128, 1024),
        h: int = 4,
        w: int = 4,
        *,
        rngs: nnx.Rngs,
    ):
        self.c_prev, self.stride = c_prev, 8 * 2 ** sum(name.startswith("pool") for name, *_ in config)
        c1, c2, c = stem
        self.stem = Sequential(
            [
                Conv(c_prev, c1, 7, stride=2, padding=3, rngs=rngs),
                jax.nn.relu,
                MaxPool(3, stride=2, padding="same_tf"),
                LocalResponseNorm(),
                Conv(c1, c2, 1, rngs=rngs),
                jax.nn.relu,
                Conv(c2, c, 3, padding=1, rngs=rngs),
                jax.nn.relu,
                LocalResponseNorm(),
                MaxPool(3, stride=2, padding="same_tf"),
            ]
        )
        self.size, self.head_steps = (h, w), head_steps(config) if auxiliary else ()
        self.names = tuple(name for name, *_ in config if auxiliary or not name.startswith("aux"))
        for name, *channels in config:
            if channels:
                setattr(self, name, Inception(c, *channels, rngs=rngs))
                c1, _, c3, _, c5, c_pool = channels
                c = c1 + c3 + c5 + c_pool
            elif name.startswith("pool"):
                setattr(self, name, MaxPool(3, stride=2, padding="same_tf"))
            elif auxiliary:
                setattr(self, name, AuxiliaryHead(c, num_classes, *head, h=h, w=w, rngs=rngs))
        self.avgpool = GlobalAveragePool()
        self.dropout = Dropout(keep_prob, rngs=rngs)
        self.fc = Dense(c, num_classes, rngs=rngs)

    def __call__(self, x):
        images(x, self.c_prev, at_least=1 if self.head_steps else self.stride)
        for steps in self.head_steps:
            maps(x, self.size, steps)
        x, heads = self.stem(x), []
        for name in self.names:
            if name.startswith("aux"):
                heads.append(getattr(self, name)(x))
            else:
                x = getattr(self, name)(x)
        logits = self.fc(self.dropout(self.avgpool(x)))
        return (logits, *heads) if heads else logits


def head_steps(config):
    """For each auxiliary head of a GoogLeNet the steps from the image to the maps that it flattens."""
    steps, heads = STEM, ()
    for name, *_ in config:
        if name.startswith("pool"):
            steps = (*steps, POOL)
        elif name.startswith("aux"):
            heads = (*heads, (*steps, HEAD))
    return heads


def auxiliary_cost(z, z1, z2, y, weight=0.3):
    J, J1, J2 = (softmax_cross_entropy_from_logits(logits, y) for logits in (z, z1, z2))
    return J + weight * (J1 + J2)
