"""A relu that falls on either side by rounding alone is no divergence in a narrow dtype, and hides none."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from torch import nn

import crosscheck

FACTORS = (1.1, 1.3, 0.7, 1.7, 0.9, 1 / (1.1 * 1.3 * 0.7 * 1.7 * 0.9))
KINKS = np.random.default_rng(0).uniform(1, 3, 256).astype(np.float32)
NEAR = KINKS * (1 + 2.0**-23 * (np.arange(256) % 2 * 2 - 1)).astype(np.float32)
"""A roundoff or two from the kinks; but every fourth element, which shows whether anything else is wrong."""
NEAR[::4] *= 1.5
AT = np.where(np.arange(256) % 3, NEAR, KINKS)
"""Some of them at the kinks themselves, so that relus flip in float64 too."""


class Original(nn.Module):
    def forward(self, x):
        for factor in FACTORS:
            x = x * factor
        return torch.relu(x - torch.from_numpy(KINKS).to(x.dtype))


class Port(nnx.Module):
    """The same product in another order; what it may do otherwise: read x in a narrower dtype, and scale y."""

    def __init__(self, narrow=jnp.float32, slope=1.0):
        self.narrow, self.slope = narrow, slope

    def __call__(self, x):
        x = x.astype(self.narrow).astype(x.dtype) if x.dtype == jnp.float32 else x
        return self.slope * nnx.relu(x * float(np.prod(FACTORS)) - KINKS.astype(x.dtype))


def rung(report, name):
    return next(finding for finding in report.findings if finding.rung == name)


def test_the_rounding_of_float32_flips_relus():
    """Or the other tests would show nothing."""
    mine = Original()(torch.from_numpy(NEAR)).numpy()
    theirs = np.asarray(Port()(jnp.asarray(NEAR)))
    assert 5 < ((mine > 0) != (theirs > 0)).sum() < 128


class Steep(nn.Module):
    """Its rounding is that of the product, ten thousand times as large."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(256, 5)

    def forward(self, x):
        return torch.sin(1e4 * self.fc(x))


class SteepPort(nnx.Module):
    def __init__(self):
        self.fc = nnx.Linear(256, 5, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return jnp.sin(1e4 * self.fc(x))


def test_what_makes_rounding_large_is_judged_by_it():
    report = crosscheck.compare(Steep(), SteepPort(), NEAR[None].repeat(4, 0), rungs=("eval", "given"))
    assert report.status == "agree", str(report)
    assert max(gap.relative for finding in report.findings for gap in finding.gaps) > 256 * 2.0**-53


def test_flips_are_no_divergence():
    report = crosscheck.compare(Original(), Port(), NEAR)
    assert report.status == "agree", str(report)
    assert rung(report, "precision").agrees


@pytest.mark.parametrize("x", [NEAR, AT])
def test_they_hide_no_divergence(x):
    report = crosscheck.compare(Original(), Port(narrow=jnp.bfloat16), x)
    assert report.status == "diverge"
    assert [finding.rung for finding in report.findings if finding.diverges and not finding.excused] == ["precision"]


@pytest.mark.parametrize("slope", [1.001, 1 + 1e-9])
def test_nor_one_in_float64(slope):
    report = crosscheck.compare(Original(), Port(slope=slope), NEAR)
    assert rung(report, "eval").diverges
