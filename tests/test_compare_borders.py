"""Modules that end elsewhere than their counterparts: a sequence with its activation beside a module whose caller
applies it. Where something else is wrong, nothing is told of these."""

import jax
import jax.numpy as jnp
import pytest
import torch
import torch.nn.functional as F
from flax import nnx
from torch import nn

from crosscheck import compare


def convolved(a, b, k=1):
    return nn.Sequential(nn.Conv2d(a, b, k, padding=k // 2, bias=False), nn.BatchNorm2d(b), nn.ReLU())


class Branches(nn.Module):
    """Parallel branches put together, as atrous pyramids and inception modules have them."""

    def __init__(self):
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(13, 3, 1)
        self.a, self.b, self.c = convolved(6, 4), convolved(6, 5, 3), convolved(6, 4)

    def forward(self, x):
        x = F.relu(self.stem(x))
        pooled = F.interpolate(self.c(F.avg_pool2d(x, 2)), x.shape[2:], mode="bilinear")
        return self.head(torch.cat([self.a(x), self.b(x), pooled], 1))


class Convolved(nnx.Module):
    def __init__(self, a, b, k, rngs):
        self.conv = nnx.Conv(a, b, (k, k), use_bias=False, rngs=rngs)
        self.norm = nnx.BatchNorm(b, epsilon=1e-5, rngs=rngs)

    def __call__(self, x):
        return self.norm(self.conv(x))


class Port(nnx.Module):
    def __init__(self, way=""):
        rngs = nnx.Rngs(0)
        self.way = way
        self.first, self.last = nnx.Conv(3, 6, (3, 3), rngs=rngs), nnx.Conv(13, 3, (1, 1), rngs=rngs)
        self.one, self.two, self.three = (Convolved(6, n, k, rngs) for n, k in ((4, 1), (5, 3), (4, 1)))

    def __call__(self, x):
        x = nnx.relu(self.first(x))
        pool = nnx.max_pool if self.way == "pool" else nnx.avg_pool
        a, b, c = nnx.relu(self.one(x)), self.two(x), nnx.relu(self.three(pool(x, (2, 2), (2, 2))))
        b = b if self.way == "activation" else nnx.relu(b)
        c = jax.image.resize(c, (*x.shape[:3], 4), "nearest" if self.way == "method" else "bilinear")
        return self.last(jnp.concatenate([c, b, a] if self.way == "order" else [a, b, c], -1))


FAULTS = {
    "pool": "max-for-mean-pooling",
    "method": "resize-method",
    "order": "concat-order",
    "activation": "activation-missing",
}


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
@pytest.mark.parametrize("way", ["", *FAULTS])
def test_what_is_wrong_is_all_that_is_told(way, turned):
    models = Branches().eval(), Port(way)
    models[1].eval()
    inputs = "x: n h w c = 2 8 10 3" if turned else "x: n c h w = 2 3 8 10"
    report = compare(*(models[::-1] if turned else models), inputs, rungs=("eval",))
    told = [[cause.id for cause in c.explanation.causes] if c.explanation else None for c in report.accused()]
    assert told == ([[FAULTS[way]]] if way else []), report
