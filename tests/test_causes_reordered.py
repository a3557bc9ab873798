"""Modules that are called in another order: one cause, whatever this makes of the values between them."""

import jax.numpy as jnp
import pytest
import torch
import torch.nn.functional as F
from flax import nnx
from torch import nn

from crosscheck import compare

D = 6
ORDER = "modules-in-another-order"


class Chain(nn.Module):
    """Three modules of three kinds, one after another; what follows takes a mean."""

    def __init__(self, order="abc", skip=False):
        super().__init__()
        self.order, self.skip = order, skip
        self.enter, self.leave = nn.Linear(D, D), nn.Linear(D, 3)
        self.a, self.b = nn.Linear(D, D), nn.GRU(D, D, batch_first=True)
        self.c = nn.Sequential(nn.LayerNorm(D), nn.Linear(D, D), nn.Tanh())
        self.last = nn.Sequential(nn.Linear(D, D), nn.Tanh(), nn.Linear(D, D))

    def forward(self, x):
        y = torch.tanh(self.enter(x))
        for name in self.order:
            y = self.b(y)[0] if name == "b" else getattr(self, name)(y)
        y = y.mean(1)
        return self.leave(self.last(y) + (0 if self.skip else y))


class Block(nn.Module):
    """Two residual branches, with norms ahead of them or behind the sums."""

    def __init__(self, swapped=False, post=False):
        super().__init__()
        self.swapped, self.post = swapped, post
        self.norm1, self.norm2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.mix, self.mlp = nn.GRU(D, D, batch_first=True), nn.Sequential(nn.Linear(D, 9), nn.GELU(), nn.Linear(9, D))

    def forward(self, x):
        branches = [(self.norm1, lambda y: self.mix(y)[0]), (self.norm2, self.mlp)]
        for norm, branch in branches[::-1] if self.swapped else branches:
            x = norm(x + branch(x)) if self.post else x + branch(norm(x))
        return x


class Blocks(nn.Module):
    def __init__(self, swapped=False, post=False):
        super().__init__()
        self.enter, self.leave = nn.Linear(D, D), nn.Linear(D, 3)
        self.blocks = nn.ModuleList([Block(swapped, post), Block(swapped, post)])

    def forward(self, x):
        x = self.enter(x)
        for block in self.blocks:
            x = block(x)
        return self.leave(x)


def told(first, second):
    report = compare(first, second, "x: n t d = 3 5 6", rungs=("eval",))
    return [
        (c.divergence.first, [cause.id for cause in c.explanation.causes], c.explanation.first, c.explanation.second)
        for c in report.accused()
    ]


@pytest.mark.parametrize("order", ["bac", "acb", "cba", "bca", "cab"])
def test_a_chain(order):
    (found,) = told(Chain(), Chain(order))
    assert found[:2] == ("", [ORDER])
    (back,) = told(Chain(order), Chain())
    assert back[:2] == ("", [ORDER])
    assert (found[2], found[3]) == (back[3], back[2])


def test_the_orders_are_told():
    (found,) = told(Chain(), Chain("acb"))
    assert found[2:] == ("`b`, then `c`", "`c`, then `b`")


def test_another_fault_further_on_is_told_too():
    first, *others = told(Chain(), Chain("bac", skip=True))
    assert first[1] == [ORDER]
    assert [ids for _, ids, *_ in others] == [["residual-missing"]]


@pytest.mark.parametrize("post", [False, True], ids=["norms ahead", "norms behind"])
def test_branches(post):
    for first, second in ((Blocks(post=post), Blocks(True, post)), (Blocks(True, post), Blocks(post=post))):
        assert [found[:2] for found in told(first, second)] == [("blocks.0", [ORDER]), ("blocks.1", [ORDER])]


class Squeeze(nn.Module):
    def __init__(self):
        super().__init__()
        self.squeeze = nn.Linear(D, D)

    def forward(self, x):
        return x * torch.sigmoid(self.squeeze(x.mean((2, 3))))[..., None, None]


class Images(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, D, 3, padding=1), nn.GroupNorm(2, D)
        self.gate, self.point = Squeeze(), nn.Conv2d(D, D, 1)
        self.head = nn.Linear(D, 4)

    def forward(self, x):
        x = F.avg_pool2d(F.relu(self.norm(self.stem(x))), 2)
        return self.head(self.point(self.gate(x)).mean((2, 3)))


class Gate(nnx.Module):
    def __init__(self, rngs):
        self.squeeze = nnx.Linear(D, D, rngs=rngs)

    def __call__(self, x):
        return x * nnx.sigmoid(self.squeeze(x.mean((1, 2))))[:, None, None]


class Port(nnx.Module):
    def __init__(self, swapped):
        rngs = nnx.Rngs(0)
        self.swapped, self.gate = swapped, Gate(rngs)
        self.stem = nnx.Conv(3, D, (3, 3), rngs=rngs)
        self.norm = nnx.GroupNorm(D, 2, epsilon=1e-5, rngs=rngs)
        self.point, self.head = nnx.Conv(D, D, (1, 1), rngs=rngs), nnx.Linear(D, 4, rngs=rngs)

    def __call__(self, x):
        x = nnx.avg_pool(nnx.relu(self.norm(self.stem(x))), (2, 2), (2, 2))
        x = self.gate(self.point(x)) if self.swapped else self.point(self.gate(x))
        return self.head(jnp.mean(x, (1, 2)))


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_a_chain_in_two_frameworks(turned):
    inputs = "x: n h w c = 2 8 10 3" if turned else "x: n c h w = 2 3 8 10"
    for swapped in (False, True):
        models = Images(), Port(swapped)
        report = compare(*(models[::-1] if turned else models), inputs, rungs=("eval",))
        ids = [[cause.id for cause in c.explanation.causes] for c in report.accused()]
        assert ids == [[ORDER]] * swapped, report


class Stem(nn.Module):
    """order: of a norm, an activation and a pool of means."""

    def __init__(self, order):
        super().__init__()
        self.order, self.conv, self.head = order, nn.Conv2d(3, D, 3, padding=1), nn.Conv2d(D, 2, 1)
        self.norm = nn.BatchNorm2d(D)

    def forward(self, x):
        x = self.conv(x)
        for step in self.order:
            x = {"norm": self.norm, "silu": F.silu, "pool": lambda y: F.avg_pool2d(y, 2)}[step](x)
        return self.head(x)


@pytest.mark.parametrize(
    ("order", "cause"),
    [
        (("silu", "norm", "pool"), "norm-before-or-after"),
        (("norm", "pool", "silu"), "layer-before-or-after"),
        (("pool", "norm", "silu"), "resize-elsewhere"),
    ],
)
def test_an_activation_ahead_of_a_norm_or_behind_a_pool(order, cause):
    usual = ("norm", "silu", "pool")
    for first, second in ((usual, order), (order, usual)):
        report = compare(Stem(first), Stem(second), "x: n c h w = 2 3 8 10", rungs=("eval",))
        assert [[each.id for each in c.explanation.causes] for c in report.accused()] == [[cause]], report


class Scaled(nn.Module):
    """A layer scale ahead of the last layer of a branch, behind it, on the other term, or on the sum."""

    def __init__(self, way="behind"):
        super().__init__()
        self.way = way
        self.norm, self.grow, self.shrink = nn.LayerNorm(D), nn.Linear(D, 9), nn.Linear(9, D)
        self.gamma = nn.Parameter(torch.rand(D))

    def forward(self, x):
        y = self.norm(x) * (self.gamma if self.way == "ahead" else 1)
        y = self.shrink(F.gelu(self.grow(y)))
        if self.way == "sum":
            return self.gamma * (x + y)
        return x * (self.gamma if self.way == "skip" else 1) + y * (self.gamma if self.way == "behind" else 1)


@pytest.mark.parametrize(
    ("way", "cause"),
    [("ahead", "layer-before-or-after"), ("skip", "parameter-elsewhere"), ("sum", "parameter-unused")],
)
def test_a_layer_scale_elsewhere(way, cause):
    usual, other = (nn.Sequential(nn.Linear(D, D), Scaled(each), nn.Linear(D, 2)) for each in ("behind", way))
    for first, second in ((usual, other), (other, usual)):
        report = compare(first, second, "x: n t d = 3 5 6", rungs=("eval",))
        told = [(c.divergence.first, [each.id for each in c.explanation.causes]) for c in report.accused()]
        assert told == [("1", [cause])], report
