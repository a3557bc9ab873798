"""What models give to their callers: the order of its axes counts; and parameters that own code uses."""

import jax
import jax.numpy as jnp
import pytest
import torch
from flax import nnx
from torch import nn

from crosscheck.twins.compare import compare
from crosscheck.twins.layouts import layouts_of_convolved, layouts_of_outputs


class Towers(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(5, 6), nn.Linear(7, 6)
        self.start, self.temperature = nn.Parameter(torch.rand(5)), nn.Parameter(torch.tensor(0.4))

    def forward(self, x, y):
        a, b = self.left(x + self.start), self.right(y)
        return self.temperature.exp() * a @ b.T


class Port(nnx.Module):
    """`way`: what is done to the logits. stopped: whether nothing comes back to `start`."""

    def __init__(self, way=lambda z: z, stopped=False):
        rngs = nnx.Rngs(0)
        self.left, self.right = nnx.Linear(5, 6, rngs=rngs), nnx.Linear(7, 6, rngs=rngs)
        self.start, self.temperature = nnx.Param(jnp.ones(5)), nnx.Param(jnp.array(0.4))
        self.way, self.stopped = way, stopped

    def __call__(self, x, y):
        start = jax.lax.stop_gradient(self.start[...]) if self.stopped else self.start
        a, b = self.left(x + start), self.right(y)
        return self.way(jnp.exp(self.temperature[...]) * a @ b.T)


SQUARE = "x: n a = 4 5; y: n b = 4 7"


def told(port, turned=False):
    return compare(*((port, Towers()) if turned else (Towers(), port)), SQUARE, rungs=("eval",))


def causes(report):
    return [culprit.explanation and culprit.explanation.causes[0].id for culprit in report.accused()]


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_logits_that_are_transposed_differ(turned):
    assert told(Port(), turned).agree
    assert causes(told(Port(jnp.transpose), turned)) == ["axes-swapped"]


def test_of_unequal_sizes_they_are_the_same_and_it_is_told():
    report = compare(Towers(), Port(jnp.transpose), "x: n a = 4 5; y: n b = 3 7", rungs=("eval",))
    assert report.agree
    assert "output has its axes in another order: (4, 3) and (3, 4)" in report.notes
    assert not any("order" in note for note in told(Port()).notes)


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_a_parameter_of_code_that_is_at_fault_is_not_accused_as_well(turned):
    report = told(Port(lambda z: z * jax.nn.sigmoid(z**3)), turned)
    assert [(culprit.divergence.direction, culprit.divergence.gap.kind) for culprit in report.culprits] == [
        ("forward", "output")
    ]


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_a_parameter_that_enters_elsewhere_is(turned):
    report = told(Port(jnp.transpose, stopped=True), turned)
    assert causes(report) == ["axes-swapped", "gradient-detached"]
    assert report.culprits[1].divergence.gap.path == "start"


class Unflattened(nn.Module):
    def __init__(self):
        super().__init__()
        self.enter, self.conv = nn.Linear(5, 4 * 6 * 6), nn.Conv2d(4, 3, 3)

    def forward(self, x):
        return self.conv(self.enter(x).view(-1, 4, 6, 6))


class UnflattenedPort(nnx.Module):
    def __init__(self, order):
        rngs, self.order = nnx.Rngs(0), order
        self.enter = nnx.Linear(5, 4 * 6 * 6, rngs=rngs)
        self.conv = nnx.Conv(4, 3, (3, 3), padding="VALID", rngs=rngs)

    def __call__(self, x):
        return self.conv(self.enter(x).reshape(-1, 4, 6, 6).transpose(self.order))


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_height_and_width_are_not_exchanged_ahead_of_a_convolution(turned):
    def told(order):
        sides = UnflattenedPort(order), Unflattened()
        return compare(*(sides if turned else sides[::-1]), "x: n c = 2 5", rungs=("eval",))

    assert told((0, 2, 3, 1)).agree
    report = told((0, 3, 2, 1))
    assert (report.first_divergence.wiring, report.first_divergence.before) == (True, "conv")
    assert causes(report) == ["axes-swapped"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((2, 5, 8, 8), (2, 8, 8, 5), ["a b c d -> a c d b"]),
        ((2, 5, 4, 8), (2, 8, 4, 5), []),
        ((2, 5, 8), (2, 8, 5), ["a b c -> a c b"]),
    ],
)
def test_ways_to_lay_out_what_a_convolution_takes(first, second, expected):
    assert [fit.pattern for fit in layouts_of_convolved(first, second, "last")] == expected


@pytest.mark.parametrize(
    ("first", "second", "images", "patterns"),
    [
        ((4, 4), (4, 4), "", ["a b -> a b"]),
        ((4, 3), (3, 4), "", ["a b -> b a"]),
        ((2, 3, 3), (2, 3, 3), "", ["a b c -> a b c", "a b c -> a c b"]),
        ((3, 3, 4), (3, 3, 4), "", ["a b c -> a b c"]),
        ((2, 5, 5, 5), (2, 5, 5, 5), "last", ["a b c d -> a c d b", "a b c d -> a d b c", "a b c d -> a b c d"]),
        ((2, 3, 8, 8), (2, 8, 8, 3), "last", ["a b c d -> a c d b", "a b c d -> a d c b"]),
        ((), (), "", [" -> "]),
    ],
)
def test_ways_to_lay_out_what_a_model_gives(first, second, images, patterns):
    assert [fit.pattern for fit in layouts_of_outputs(first, second, images)] == patterns


class Dead(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(5, 3)

    def forward(self, x):
        return torch.relu(self.layer(x) - 1e6)


class DeadPort(nnx.Module):
    def __init__(self):
        self.layer = nnx.Linear(5, 3, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return nnx.relu(2 * self.layer(x) - 1e6)


def test_what_gives_nothing_but_zeros_does_not_agree():
    report = compare(Dead(), DeadPort(), "x: n c = 2 5", rungs=("eval",))
    assert not report.agree
    assert "nothing but zeros" in report.findings[0].reason
