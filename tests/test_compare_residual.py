"""Residual blocks as torchvision has them, one relu for all, beside ports in which every block has the same mistake."""

import jax.numpy as jnp
import pytest
import torch.nn.functional as F
from flax import nnx
from torch import nn

from crosscheck.twins.compare import compare


class Basic(nn.Module):
    def __init__(self, c_prev, c, stride=1):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c_prev, c, 3, stride, 1, bias=False), nn.BatchNorm2d(c)
        self.relu = nn.ReLU(inplace=True)
        self.conv2, self.bn2 = nn.Conv2d(c, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c)
        self.downsample = None
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(c_prev, c, 1, stride, bias=False), nn.BatchNorm2d(c))

    def forward(self, x):
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.fc = nn.Conv2d(3, 6, 3, padding=1), nn.Linear(8, 5)
        self.layer = nn.Sequential(Basic(6, 8, 2), Basic(8, 8))

    def forward(self, x):
        return self.fc(self.layer(F.relu(self.stem(x))).mean((2, 3)))


class Block(nnx.Module):
    def __init__(self, c_prev, c, stride, how, rngs):
        def conv(c_prev, f, stride):
            return nnx.Conv(c_prev, c, (f, f), stride, padding=f // 2, use_bias=False, rngs=rngs)

        def norm():
            return nnx.BatchNorm(c, momentum=0.9, epsilon=1e-5, rngs=rngs)

        self.conv1, self.bn1, self.conv2, self.bn2 = conv(c_prev, 3, stride), norm(), conv(c, 3, 1), norm()
        self.shortcut, self.norm = (conv(c_prev, 1, stride), norm()) if stride > 1 else (None, None)
        self.how = how

    def __call__(self, x):
        h = self.conv1(x)
        h = nnx.relu(h if self.how == "layer-missing" else self.bn1(h))
        h = self.bn2(self.conv2(h))
        if self.shortcut is not None:
            x = self.norm(self.shortcut(x))
        if self.how == "residual-missing":
            return nnx.relu(h)
        if self.how == "activation-around-sum":
            return nnx.relu(h) + x
        if self.how == "residual-twice":
            return nnx.relu(h + x + x)
        return nnx.leaky_relu(h + x) if self.how == "leaky-relu-slope" else nnx.relu(h + x)


class Port(nnx.Module):
    def __init__(self, how=""):
        rngs = nnx.Rngs(0)
        self.stem, self.fc = nnx.Conv(3, 6, (3, 3), padding=1, rngs=rngs), nnx.Linear(8, 5, rngs=rngs)
        self.layer = nnx.List([Block(6, 8, 2, how, rngs), Block(8, 8, 1, how, rngs)])

    def __call__(self, x):
        x = nnx.relu(self.stem(x))
        for block in self.layer:
            x = block(x)
        return self.fc(jnp.mean(x, (1, 2)))


def compared(port, turned=False):
    models, axes = ((port, Net()), "n h w c = 3 8 8 3") if turned else ((Net(), port), "n c h w = 3 3 8 8")
    return compare(*models, f"x: {axes}", rungs=("eval",))


MISTAKES = ["residual-missing", "residual-twice", "activation-around-sum", "leaky-relu-slope", "layer-missing"]


@pytest.mark.parametrize(
    ("how", "turned"), [*((how, False) for how in MISTAKES), ("residual-missing", True), ("layer-missing", True)]
)
def test_a_mistake_in_every_block_is_named_in_every_block(how, turned):
    found = compared(Port(how), turned).accused()
    places = [(c.divergence.first, [cause.id for cause in c.explanation.causes]) for c in found]
    assert places == [("layer.0", [how]), ("layer.1", [how])]


def test_a_norm_that_is_passed_by_keeps_its_counterpart():
    pairs = {link.first.path: link.second.path for link in compared(Port("layer-missing")).pairing.links}
    names = {"bn1": "bn1", "bn2": "bn2", "downsample.1": "norm"}
    assert all(pairs[f"layer.0.{a}.weight"] == f"layer.0.{b}.scale" for a, b in names.items())


def test_no_mistake_no_accusation():
    assert compared(Port()).agree
