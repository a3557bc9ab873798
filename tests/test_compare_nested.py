"""Modules around the same parameters, one in the other: a residual block whose body is a sequence, say."""

import jax.numpy as jnp
import pytest
import torch.nn.functional as F
from flax import nnx
from torch import nn

from crosscheck.twins.compare import compare

C = 6


def layers():
    return [nn.Conv2d(C, C, 3, padding=1, bias=False), nn.BatchNorm2d(C), nn.ReLU(), nn.Conv2d(C, C, 3, padding=1)]


class Flat(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.norm, self.relu, self.conv2 = layers()

    def forward(self, x):
        return F.relu(x + self.conv2(self.relu(self.norm(self.conv1(x)))))


class WithBody(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(*layers())

    def forward(self, x):
        return F.relu(x + self.body(x))


class Skip(nn.Module):
    """What others put around whatever they want to have a skip."""

    def __init__(self):
        super().__init__()
        self.fn = nn.Sequential(*layers())

    def forward(self, x):
        return x + self.fn(x)


class Net(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, C, 3, padding=1), nn.Linear(C, 4)
        self.blocks = nn.Sequential(*(block() for _ in range(3)))

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


class Block(nnx.Module):
    def __init__(self, how, rngs):
        self.conv1 = nnx.Conv(C, C, (3, 3), padding=1, use_bias=False, rngs=rngs)
        self.norm = nnx.BatchNorm(C, momentum=0.9, epsilon=1e-5, rngs=rngs)
        self.conv2, self.how = nnx.Conv(C, C, (3, 3), padding=1, rngs=rngs), how

    def __call__(self, x):
        h = self.norm(self.conv1(x))
        h = self.conv2(h if self.how == "activation-missing" else nnx.relu(h))
        if self.how == "residual-missing":
            return nnx.relu(h)
        if self.how == "scale-constant":
            return nnx.relu(x + 0.5 * h)
        if self.how == "activation-around-sum":
            return x + nnx.relu(h)
        return nnx.relu(x + h)


class Body(Block):
    def __call__(self, x):
        h = self.norm(self.conv1(x))
        return self.conv2(h if self.how == "activation-missing" else nnx.relu(h))


class Port(nnx.Module):
    """Some of the blocks, given by their numbers, do something otherwise."""

    def __init__(self, how, where=(1,), block=Block):
        rngs = nnx.Rngs(0)
        self.stem = nnx.Conv(3, C, (3, 3), padding=1, rngs=rngs)
        self.blocks = nnx.List([block(how if i in where else "", rngs) for i in range(3)])
        self.head = nnx.Linear(C, 4, rngs=rngs)

    def __call__(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = self.passed(block, x)
        return self.head(jnp.mean(x, (1, 2)))

    def passed(self, block, x):
        return block(x)


class PortWithSkips(Port):
    def passed(self, block, x):
        return x + block(x)


def accused(first, second, turned=False):
    """Where the first divergence is, in torch's model, its causes, and how many there are."""
    models, axes = ((second, first), "n h w c = 3 6 6 3") if turned else ((first, second), "n c h w = 3 3 6 6")
    culprits = compare(*models, f"x: {axes}", rungs=("eval",)).accused()
    place, explanation = culprits[0].divergence, culprits[0].explanation
    return place.second if turned else place.first, [cause.id for cause in explanation.causes], len(culprits)


@pytest.mark.parametrize("block", [Flat, WithBody])
@pytest.mark.parametrize("how", ["residual-missing", "scale-constant", "activation-around-sum"])
def test_what_a_residual_block_does_otherwise_is_told_of_the_block(how, block):
    assert accused(Net(block), Port(how)) == ("blocks.1", [how], 1)


def test_it_is_so_with_flax_first():
    assert accused(Net(WithBody), Port("residual-missing"), turned=True) == ("blocks.1", ["residual-missing"], 1)


def test_where_no_block_gives_the_same_the_class_tells_which_of_two_is_the_block():
    assert accused(Net(WithBody), Port("residual-missing", (0, 1, 2))) == ("blocks.0", ["residual-missing"], 3)


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_what_is_inside_a_skip_is_found_by_what_other_blocks_give(turned):
    port = PortWithSkips("activation-missing", block=Body)
    assert accused(Net(Skip), port, turned) == ("blocks.1.fn", ["activation-missing"], 1)
