"""Layers in wrappers of their own (a norm ahead of whatever follows), beside a port that calls one after the other."""

import jax.numpy as jnp
import pytest
import torch
from flax import nnx
from torch import nn

from crosscheck.twins.compare import compare

D = 6


class PreNorm(nn.Module):
    def __init__(self, fn):
        super().__init__()
        self.norm, self.fn = nn.LayerNorm(D), fn

    def forward(self, x):
        return self.fn(self.norm(x))


def body():
    return nn.Sequential(nn.Linear(D, 10), nn.GELU(), nn.Linear(10, D))


class Stack(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([PreNorm(body()) for _ in range(4)])

    def forward(self, x):
        for layer in self.layers:
            x = layer(x) + x
        return x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.start = nn.Parameter(torch.randn(1, 1, D))
        self.stack, self.head = Stack(), nn.Linear(D, 3)

    def forward(self, x):
        x = torch.cat((self.start.expand(len(x), -1, -1), x), 1)  # what no module gives
        return self.head(self.stack(x)[:, 0])


class Block(nnx.Module):
    """Two of torch's layers, with their skips."""

    def __init__(self, how, rngs):
        self.norm1, self.norm2 = (nnx.LayerNorm(D, epsilon=1e-5, rngs=rngs) for _ in range(2))
        self.up1, self.up2 = (nnx.Linear(D, 10, rngs=rngs) for _ in range(2))
        self.down1, self.down2 = (nnx.Linear(10, D, rngs=rngs) for _ in range(2))
        self.how = how

    def __call__(self, x):
        h = self.norm1(x)
        y = self.down1(nnx.gelu(self.up1(h), approximate=False))
        if self.how == "residual-from-elsewhere":
            y = y + h
        elif self.how != "residual-missing":
            y = y + (3 * x if self.how == "scale-constant" else x)
        return y + self.down2(nnx.gelu(self.up2(self.norm2(y)), approximate=False))


class Port(nnx.Module):
    def __init__(self, how=""):
        rngs = nnx.Rngs(0)
        self.start, self.head, self.how = nnx.Param(jnp.ones((1, 1, D))), nnx.Linear(D, 3, rngs=rngs), how
        self.blocks = nnx.List([Block(how, rngs) for _ in range(2)])

    def __call__(self, x):
        x = jnp.concatenate((jnp.broadcast_to(self.start[...], (len(x), 1, D)), x), 1)
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean(1) if self.how == "token-for-mean-pooling" else x[:, 0])


def compared(port, turned):
    return compare(*((port, Net()) if turned else (Net(), port)), "x: n t c = 2 4 6", rungs=("eval",))


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
@pytest.mark.parametrize(
    ("how", "places"),
    [("residual-missing", 2), ("residual-from-elsewhere", 2), ("scale-constant", 2), ("token-for-mean-pooling", 1)],
)
def test_what_goes_into_a_wrapper_and_comes_out_is_known_behind_it(how, places, turned):
    """In every block, although the first mistake brings the second another value; and nowhere else."""
    accused = compared(Port(how), turned).accused()
    assert [[cause.id for cause in culprit.explanation.causes] for culprit in accused] == [[how]] * places


def test_the_port_without_a_mistake_agrees():
    assert compared(Port(), False).agree
