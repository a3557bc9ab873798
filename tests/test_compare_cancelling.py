"""Formulas that cancel: of a channel with two values batch norm leaves little but their signs, and of the gradient less
than rounding; Flax's variance is a difference of means. No small step tells how far sound models are apart then."""

import jax
import numpy as np
import pytest
import torch
from flax import nnx
from torch import nn

from crosscheck.twins.compare import compare

TEXT = ("x: n c h w = 2 3 16 20", "x: n h w c = 2 16 20 3")


class Pooled(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.mix = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 4, 1, bias=False)
        self.norm = nn.BatchNorm2d(4, track_running_stats=False)

    def forward(self, x):
        return torch.relu(self.norm(self.mix(torch.relu(self.conv(x)).mean((2, 3), keepdim=True))))


class Port(nnx.Module):
    """slow: whether the variance is a mean of squares, as torch's is."""

    def __init__(self, eps=1e-5, slow=False):
        rngs = nnx.Rngs(0)
        self.conv = nnx.Conv(3, 6, (3, 3), padding=1, rngs=rngs)
        self.mix = nnx.Conv(6, 4, (1, 1), use_bias=False, rngs=rngs)
        self.norm = nnx.BatchNorm(4, use_running_average=False, epsilon=eps, use_fast_variance=not slow, rngs=rngs)

    def __call__(self, x):
        x = self.mix(jax.nn.relu(self.conv(x)).mean((1, 2), keepdims=True))
        return jax.nn.relu(self.norm(x, use_running_average=False))


def told(port, turned, seed):
    models = Pooled(), port
    return compare(*(models[::-1] if turned else models), TEXT[turned], rungs=("eval",), seed=seed)


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
@pytest.mark.parametrize("slow", [False, True], ids=["fast", "slow"])
def test_what_a_formula_cancels_is_no_divergence(slow, turned):
    reports = [told(Port(slow=slow), turned, seed) for seed in range(6)]
    assert all(report.agree for report in reports), [str(report) for report in reports]


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_another_eps_is(turned):
    report = told(Port(eps=1.001e-5), turned, 0)
    assert [cause.id for c in report.accused() for cause in c.explanation.causes] == ["batchnorm-eps"]


def test_it_does_cancel():
    """Else the first test shows nothing."""
    gaps = [gap.relative for seed in range(6) for gap in told(Port(), False, seed).findings[0].gaps]
    assert 400 * np.finfo(np.float64).eps < max(gaps) < 1e-9
