"""A residual stream in a net's own code: the fault of a step is told once, with its cause, not at every later step."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from torch import nn

from crosscheck.twins.carried import ways_on
from crosscheck.twins.compare import compare

DEPTH = 4


class Stream(nn.Module):
    def __init__(self):
        super().__init__()
        self.enter, self.leave = nn.Linear(5, 7), nn.Linear(7, 3)
        self.steps = nn.ModuleList(nn.Linear(7, 7) for _ in range(DEPTH))

    def forward(self, x):
        x = self.enter(x)
        for step in self.steps:
            x = x + torch.tanh(step(x))
        return self.leave(x)


class Port(nnx.Module):
    """`faulty`: what is added of the steps of these numbers instead."""

    def __init__(self, faulty=None):
        rngs = nnx.Rngs(0)
        self.enter, self.leave = nnx.Linear(5, 7, rngs=rngs), nnx.Linear(7, 3, rngs=rngs)
        self.steps = nnx.List([nnx.Linear(7, 7, rngs=rngs) for _ in range(DEPTH)])
        self.faulty = faulty or {}

    def __call__(self, x):
        x = self.enter(x)
        for place, step in enumerate(self.steps):
            x = x + self.faulty.get(place, jnp.tanh)(step(x))
        return self.leave(x)


def told(port, turned=False):
    sides = (port, Stream()) if turned else (Stream(), port)
    return compare(*sides, "x: n c = 6 5", rungs=("eval",)).accused()


FAULTS = {
    "another function": ("activation-other", nnx.sigmoid),
    "no function": ("activation-missing", lambda y: y),
    "a factor": ("scale-constant", lambda y: 0.37 * jnp.tanh(y)),
    "nothing is added": ("residual-missing", jnp.zeros_like),
}


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
@pytest.mark.parametrize(("cause", "faulty"), FAULTS.values(), ids=FAULTS)
def test_the_fault_of_one_step_is_told_once(cause, faulty, turned):
    (found,) = told(Port({1: faulty}), turned)
    assert found.divergence.before == "steps.2"
    assert [named.id for named in found.explanation.causes] == [cause]


def test_a_second_fault_further_on_is_told_too():
    """Behind it the stream brings the sum of both, which neither alone explains."""
    found = told(Port({0: nnx.sigmoid, 2: nnx.relu}))
    assert [culprit.divergence.before for culprit in found][:2] == ["steps.1", "steps.3"]


@pytest.mark.parametrize("axes", [(1, 2), (2, 3)], ids=["channels last", "channels first"])
def test_a_mean_over_an_image_hands_a_difference_on(axes):
    difference = np.random.default_rng(0).standard_normal((3, 6, 6, 6))
    later = difference.mean(axes)
    assert any(np.allclose(way, later) for way in ways_on(difference, later))
