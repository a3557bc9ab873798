"""Blocks that are told the time, as diffusion nets have them: a vector for each example is added to images, or scales
and shifts them, and norms and attention stand in another place."""

import jax.numpy as jnp
import pytest
import torch
import torch.nn.functional as F
from flax import nnx
from torch import nn

from crosscheck import compare

C, TIME = 6, 5
INPUTS = {"torch": "x: n c h w = 2 6 4 6; t: n d = 2 5", "flax": "x: n h w c = 2 4 6 6; t: n d = 2 5"}


class Block(nn.Module):
    def __init__(self, film):
        super().__init__()
        self.film = film
        self.before = nn.Sequential(nn.GroupNorm(3, C), nn.SiLU(), nn.Conv2d(C, C, 3, padding=1))
        self.time = nn.Sequential(nn.SiLU(), nn.Linear(TIME, 2 * C if film else C))
        self.norm, self.after = nn.GroupNorm(3, C), nn.Conv2d(C, C, 3, padding=1)

    def forward(self, x, t):
        h, t = self.before(x), self.time(t)[..., None, None]
        if self.film:
            scale, shift = t.chunk(2, dim=1)
            h = self.norm(h) * (1 + scale) + shift
        else:
            h = self.norm(h + t)
        return x + self.after(F.silu(h))


class Net(nn.Module):
    def __init__(self, film=False):
        super().__init__()
        self.enter, self.leave = nn.Conv2d(C, C, 1), nn.Conv2d(C, 2, 1)
        self.blocks = nn.ModuleList([Block(film), Block(film)])

    def forward(self, x, t):
        x = self.enter(x)
        for block in self.blocks:
            x = block(x, t)
        return self.leave(x)


class PortBlock(nnx.Module):
    def __init__(self, film, way, rngs):
        self.film, self.way = film, way
        self.norm1, self.norm2 = (nnx.GroupNorm(C, 3, epsilon=1e-5, rngs=rngs) for _ in range(2))
        self.conv1, self.conv2 = (nnx.Conv(C, C, (3, 3), rngs=rngs) for _ in range(2))
        self.time = nnx.Linear(TIME, 2 * C if film else C, rngs=rngs)

    def __call__(self, x, t):
        h = self.conv1(nnx.silu(self.norm1(x)))
        t = nnx.silu(self.time(t)) if self.way == "silu last" else self.time(nnx.silu(t))
        t = t[:, None, None]
        if self.way == "norm, then time":
            h = self.norm2(h) + t
        elif self.way != "not told":
            h = self.told(h, t)
        elif self.way != "no norm":
            h = self.norm2(h)
        return x + self.conv2(nnx.silu(h))

    def told(self, h, t):
        if self.way in ("no norm", "forgotten"):
            return h + t if self.way == "no norm" else self.norm2(h)
        if not self.film:
            return self.norm2(h) + t if self.way == "norm first" else self.norm2(h + t)
        scale, shift = jnp.split(t, 2, axis=-1)
        return self.norm2(h * (1 + scale) + shift) if self.way == "norm last" else self.norm2(h) * (1 + scale) + shift


class Port(nnx.Module):
    def __init__(self, film=False, way=""):
        rngs = nnx.Rngs(0)
        self.enter, self.leave = (nnx.Conv(C, n, (1, 1), rngs=rngs) for n in (C, 2))
        self.blocks = nnx.List([PortBlock(film, way, rngs) for _ in range(2)])

    def __call__(self, x, t):
        x = self.enter(x)
        for block in self.blocks:
            x = block(x, t)
        return self.leave(x)


FAULTS = {
    (False, "not told"): "residual-missing",
    (True, "not told"): "modulation-missing",
    (False, "forgotten"): "residual-missing",
    (False, "norm first"): "norm-before-or-after",
    (False, "norm, then time"): "norm-before-or-after",
    (True, "norm last"): "norm-before-or-after",
    (False, "no norm"): "layer-missing",
    (False, "silu last"): "layer-before-or-after",
}


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
@pytest.mark.parametrize(("film", "way"), FAULTS)
def test_each_block_is_placed_and_named_once(film, way, turned):
    models = Net(film), Port(film, way)
    inputs = INPUTS["flax" if turned else "torch"]
    report = compare(*(models[::-1] if turned else models), inputs, rungs=("eval",))
    told = [(c.divergence.first, [cause.id for cause in c.explanation.causes]) for c in report.accused()]
    assert told == [(f"blocks.{i}", [FAULTS[film, way]]) for i in range(2)], report


@pytest.mark.parametrize("film", [False, True])
def test_the_sound_pair_agrees(film):
    assert compare(Net(film), Port(film), INPUTS["torch"], rungs=("eval",)).agree


def test_what_is_moved_past_a_norm_is_said_on_both_sides():
    report = compare(Net(True), Port(True, "norm last"), INPUTS["torch"], rungs=("eval",))
    first, second = report.accused()[0].explanation.first, report.accused()[0].explanation.second
    assert first.startswith("`blocks.0.before.2`, then `blocks.0.norm`, then silu")
    assert "part 1 of 2 of `blocks.0.time" in first.partition("then `blocks.0.norm`")[2]
    assert "part 1 of 2 of `blocks.0.time" in second.partition("then `blocks.0.norm`")[0]


class Told(nn.Module):
    """Its layer for the time has as many numbers as the convolution that comes last."""

    def __init__(self, told, names):
        super().__init__()
        self.told, self.names = told, names
        for name, layer in zip(names, (nn.Conv2d(C, C, 3, padding=1), nn.Linear(C, C), nn.Conv2d(C, C, 1))):
            setattr(self, name, layer)

    def forward(self, x, t):
        conv, time, out = (getattr(self, name) for name in self.names)
        h = conv(x)
        return x + out(h + time(t)[..., None, None] if self.told else h)


class Chain(nn.Module):
    """Blocks under any names; the time layers may be there in vain."""

    def __init__(self, names, inner, told=True):
        super().__init__()
        self.enter, self.names, self.first = nn.Conv2d(C, C, 1), names, nn.Linear(TIME, C)
        for name in names:
            setattr(self, name, Told(told, inner))

    def forward(self, x, t):
        x, t = self.enter(x), torch.tanh(self.first(t))
        for name in self.names:
            x = getattr(self, name)(x, t)
        return x


def test_layers_that_are_not_called_belong_to_the_block_that_is_paired():
    first = Chain(("down", "mid", "up"), ("in_layer", "embed", "skip"))
    second = Chain(("alpha", "beta", "gamma"), ("conv", "time", "shortcut"), told=False)
    report = compare(first, second, INPUTS["torch"], rungs=("eval",))
    pairs = {link.first.path: link.second.path for link in report.pairing.links}
    ends = {"down": "alpha", "mid": "beta", "up": "gamma"}
    assert {a: pairs[f"{a}.embed.weight"] for a in ends} == {a: f"{b}.time.weight" for a, b in ends.items()}
    told = [(c.divergence.first, [cause.id for cause in c.explanation.causes]) for c in report.accused()]
    assert told == [(a, ["residual-missing"]) for a in ends]


class Part(nn.Module):
    """A block of several convolutions, each with a norm ahead of it, under any names."""

    def __init__(self, widths, names):
        super().__init__()
        self.names = names[: len(widths)]
        for (norm, conv), width in zip(self.names, widths):
            setattr(self, norm, nn.GroupNorm(3, C))
            setattr(self, conv, nn.Conv2d(C, C, width, padding=width // 2))

    def forward(self, x):
        h = x
        for norm, conv in self.names:
            h = torch.tanh(getattr(self, conv)(getattr(self, norm)(h)))
        return x + h


class Parts(nn.Module):
    """Blocks in the order of their names, of which each may be any of three."""

    def __init__(self, names, order, inner):
        super().__init__()
        self.start, self.names = nn.Conv2d(C, C, 1), names
        for name, i in zip(names, order):
            setattr(self, name, Part(((3, 5), (1,), (3, 5))[i], inner))
        self.end = nn.Conv2d(C, 2, 1)

    def forward(self, x):
        x = self.start(x)
        for name in self.names:
            x = getattr(self, name)(x)
        return self.end(x)


def test_norms_stay_with_the_layers_beside_them_where_blocks_change_places():
    first = Parts(("one", "mix", "two"), (0, 1, 2), (("norm", "conv"), ("again", "last")))
    second = Parts(("alpha", "gamma", "beta"), (0, 2, 1), (("bend", "map"), ("turn", "leave")))
    report = compare(first, second, "x: n c h w = 2 6 4 6", rungs=("eval",))
    pairs = {link.first.path: link.second.path for link in report.pairing.links}
    blocks, layers = {"one": "alpha", "mix": "beta", "two": "gamma"}, {"norm": "bend", "again": "turn"}
    norms = {f"{a}.{n}.weight": f"{blocks[a]}.{m}.weight" for a in blocks for n, m in layers.items()}
    assert {a: pairs[a] for a in norms if a in pairs} == {a: b for a, b in norms.items() if a in pairs}
    assert report.accused()


class Order(nn.Module):
    """What comes first of a convolution and an activation."""

    def __init__(self, act_first=False):
        super().__init__()
        self.act_first, self.end = act_first, nn.Conv2d(C, 2, 1)
        self.start, self.conv = nn.Conv2d(C, C, 1), nn.Conv2d(C, C, 3, padding=1)

    def forward(self, x):
        x = self.start(x)
        return self.end(self.conv(torch.tanh(x)) if self.act_first else torch.tanh(self.conv(x)))


def test_an_activation_ahead_of_a_convolution_is_one_cause():
    report = compare(Order(), Order(act_first=True), "x: n c h w = 2 6 4 6", rungs=("eval",))
    (culprit,) = report.accused()
    assert [cause.id for cause in culprit.explanation.causes] == ["layer-before-or-after"]
    assert culprit.explanation.second == "tanh(x), then `conv`, then ..."
