"""Norms ahead of each part of a block in torch, behind each sum in flax, in every block."""

import pytest
import torch
from flax import nnx
from torch import nn

from crosscheck.twins.compare import compare

D = 6


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.mix, self.grow = nn.Linear(D, D), nn.Linear(D, D)

    def forward(self, x):
        x = x + torch.tanh(self.mix(self.norm1(x)))
        return x + torch.tanh(self.grow(self.norm2(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.start, self.end = nn.Linear(3, D), nn.Linear(D, 2)
        self.blocks = nn.ModuleList([Block(), Block()])

    def forward(self, x):
        x = self.start(x)
        for block in self.blocks:
            x = block(x)
        return self.end(x)


class PortBlock(nnx.Module):
    def __init__(self, post, scale, rngs):
        self.norm1, self.norm2 = (nnx.LayerNorm(D, epsilon=1e-5, rngs=rngs) for _ in range(2))
        self.mix, self.grow = (nnx.Linear(D, D, rngs=rngs) for _ in range(2))
        self.post, self.scale = post, scale

    def __call__(self, x):
        if self.post:
            x = self.norm1(x + nnx.tanh(self.mix(x)))
            return self.norm2(x + nnx.tanh(self.grow(x)))
        x = x + nnx.tanh(self.mix(self.norm1(x)))
        return x + self.scale * nnx.tanh(self.grow(self.norm2(x)))


class Port(nnx.Module):
    def __init__(self, post=(True, True), scale=1.0):
        rngs = nnx.Rngs(0)
        self.start, self.end = nnx.Linear(3, D, rngs=rngs), nnx.Linear(D, 2, rngs=rngs)
        self.blocks = nnx.List([PortBlock(each, scale, rngs) for each in post])

    def __call__(self, x):
        x = self.start(x)
        for block in self.blocks:
            x = block(x)
        return self.end(x)


def accused(port, turned):
    pair = (port, Net()) if turned else (Net(), port)
    found = compare(*pair, "x: n t c = 2 5 3", rungs=("eval",)).accused()
    return [(c.divergence.first, [cause.id for cause in c.explanation.causes]) for c in found]


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_norms_that_stand_elsewhere_are_all_that_is_told(turned):
    found = accused(Port(), turned)
    assert {place for place, _ in found} == {"blocks.0", "blocks.1"}
    assert {cause for _, causes in found for cause in causes} == {"norm-before-or-after"}


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_what_is_wrong_in_another_block_is_told(turned):
    found = accused(Port((True, False), 3.0), turned)
    assert ("blocks.1", ["scale-constant"]) in found
    assert {cause for place, causes in found for cause in causes if place == "blocks.0"} == {"norm-before-or-after"}
