"""Where one model gives something of another size: that place is found, although what follows is of other sizes too."""

import jax
import jax.numpy as jnp
import pytest
import torch
from flax import nnx
from torch import nn

import crosscheck

F = nn.functional
X = "x: n c h w = 2 3 13 12"


class Block(nn.Module):
    def __init__(self, c_in, c):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(c_in, c, 3, padding=1), nn.BatchNorm2d(c)

    def forward(self, x):
        return torch.relu(self.bn(self.conv(x)))


class Net(nn.Module):
    """Pooled at last, so that what was of another size on the way gives an output of the right one."""

    def __init__(self, pooled=True, outside=False):
        super().__init__()
        self.first, self.second, self.third = Block(3, 6), Block(6, 7), Block(7, 5)
        self.head, self.pooled = nn.Conv2d(5, 4, 1), pooled
        if outside:
            self.second.conv = nn.Sequential(nn.ZeroPad2d(1), nn.Conv2d(6, 7, 3))

    def forward(self, x):
        x = self.third(self.second(F.max_pool2d(self.first(x), 2)))
        y = self.head(x)
        return y.mean((2, 3)) if self.pooled else y


class FlaxBlock(nnx.Module):
    def __init__(self, c_in, c, rngs, padding=1, stride=1, epsilon=1e-5):
        self.mix = nnx.Conv(c_in, c, (3, 3), stride, padding=padding, rngs=rngs)
        self.norm = nnx.BatchNorm(c, momentum=0.9, epsilon=epsilon, rngs=rngs)

    def __call__(self, x):
        return nnx.relu(self.norm(self.mix(x)))


class FlaxNet(nnx.Module):
    def __init__(self, pooled=True, window=2, first=None, second=None, third=None):
        rngs = nnx.Rngs(0)
        self.a, self.b = FlaxBlock(3, 6, rngs, **first or {}), FlaxBlock(6, 7, rngs, **second or {})
        self.c, self.top = FlaxBlock(7, 5, rngs, **third or {}), nnx.Conv(5, 4, (1, 1), rngs=rngs)
        self.pooled, self.window = pooled, window

    def __call__(self, x):
        x = nnx.max_pool(self.a(x), (2, 2), (self.window, self.window))
        y = self.top(self.c(self.b(x)))
        return y.mean((1, 2)) if self.pooled else y


def told(first, second, x=X):
    report = crosscheck.compare(first, second, x, rungs=("eval",))
    return [
        (culprit.divergence.first, [cause.id for cause in culprit.explanation.causes] if culprit.explanation else [])
        for culprit in report.accused()
    ]


PLACES = [
    ({"second": {"padding": "VALID"}}, "second.conv", "conv-default-padding"),
    ({"second": {"padding": 2}}, "second.conv", "conv-padding"),
    ({"third": {"stride": 2}}, "third.conv", "conv-stride"),
    ({"first": {"padding": 0}}, "first.conv", "conv-default-padding"),
    ({"window": 1}, "", "pool-default-stride"),
]


@pytest.mark.parametrize("pooled", [True, False])
@pytest.mark.parametrize(("changes", "where", "cause"), PLACES, ids=[row[2] + " " + row[1] for row in PLACES])
def test_the_place_and_the_cause_are_found(changes, where, cause, pooled):
    assert told(Net(pooled), FlaxNet(pooled, **changes)) == [(where, [cause])]


def test_a_mistake_ahead_of_it_is_found_too():
    second = FlaxNet(first={"epsilon": 1e-3}, second={"padding": 2})
    assert told(Net(), second) == [("first.bn", ["batchnorm-eps"]), ("second.conv", ["conv-padding"])]


def test_a_unit_that_pads_by_itself_is_not_accused_beside_another_mistake():
    """It takes something smaller than its counterpart and gives the same."""
    assert told(Net(outside=True), FlaxNet(third={"epsilon": 1e-3})) == [("third.bn", ["batchnorm-eps"])]
    assert told(Net(outside=True), FlaxNet()) == []


def test_a_unit_whose_surplus_is_cut_off_behind_it_is_not_accused_beside_another_mistake():
    class Cropping(Net):
        def forward(self, x):
            x = F.max_pool2d(self.first(x), 2)
            return self.head(self.third(self.second(x)))[:, :, 1:-1, 1:-1].mean((2, 3))

    class CroppedPort(FlaxNet):
        def __call__(self, x):
            x = nnx.max_pool(self.a(x), (2, 2), (2, 2))
            return self.top(self.c(self.b(x))[:, 1:-1, 1:-1]).mean((1, 2))

    assert told(Cropping(), CroppedPort()) == []
    assert told(Cropping(), CroppedPort(first={"epsilon": 1e-3}))[0] == ("first.bn", ["batchnorm-eps"])


def test_a_unit_whose_counterpart_needs_no_cutting_is_not_accused_beside_another_mistake():
    """It gives something larger, of which what is too much is cut off before the next."""

    class Cutting(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.conv, self.last = nn.BatchNorm2d(3), nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 4, 3)

        def forward(self, x):
            return self.last(torch.relu(self.conv(self.norm(x))[:, :, 1:-1, 1:-1])).mean((2, 3))

    class Valid(nnx.Module):
        def __init__(self, rngs, epsilon=1e-5):
            self.n = nnx.BatchNorm(3, epsilon=epsilon, rngs=rngs)
            self.c, self.l = (nnx.Conv(a, b, (3, 3), padding="VALID", rngs=rngs) for a, b in ((3, 6), (6, 4)))

        def __call__(self, x):
            return self.l(nnx.relu(self.c(self.n(x)))).mean((1, 2))

    assert told(Cutting(), Valid(nnx.Rngs(0))) == []
    assert told(Cutting(), Valid(nnx.Rngs(0), epsilon=1e-3)) == [("norm", ["batchnorm-eps"])]


def test_the_other_way_round():
    report = crosscheck.compare(FlaxNet(second={"padding": 2}), Net(), "x: n h w c = 2 13 12 3", rungs=("eval",))
    assert report.first_divergence.first == "b.mix"
    assert [cause.id for explanation in report.causes for cause in explanation.causes] == ["conv-padding"]


def test_the_report_says_which_sizes():
    report = crosscheck.compare(Net(), FlaxNet(second={"padding": 2}), X, rungs=("eval",))
    text = str(report)
    assert "shapes differ: (2, 7, 6, 6) and (2, 7, 8, 8)" in text
    assert "not finite" not in text


def test_sequences():
    class Torch(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.out = nn.Conv1d(3, 6, 3, padding=1), nn.Conv1d(6, 4, 1)

        def forward(self, x):
            return self.out(torch.tanh(self.conv(x))).mean(2)

    class Flax(nnx.Module):
        def __init__(self, rngs):
            self.mix, self.last = nnx.Conv(3, 6, (3,), padding="VALID", rngs=rngs), nnx.Conv(6, 4, (1,), rngs=rngs)

        def __call__(self, x):
            return self.last(jnp.tanh(self.mix(x))).mean(1)

    assert told(Torch(), Flax(nnx.Rngs(0)), "x: n c t | n t c = 2 3 11") == [("conv", ["conv-default-padding"])]


def test_in_a_plain_function():
    class Torch(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.out = nn.Conv2d(4, 6, 3, padding=1), nn.Linear(6, 5)

        def forward(self, x):
            return self.out(torch.relu(self.conv(x)).mean((2, 3)))

    def function(params, x):
        axes = ("NHWC", "HWIO", "NHWC")
        x = jax.lax.conv_general_dilated(x, params["k"], (1, 1), "VALID", dimension_numbers=axes) + params["b"]
        return jax.nn.relu(x).mean((1, 2)) @ params["w"] + params["c"]

    params = {"k": jnp.ones((3, 3, 4, 6)), "b": jnp.zeros(6), "w": jnp.ones((6, 5)), "c": jnp.zeros(5)}
    assert told(Torch(), (function, params), "x: n c h w = 2 4 12 10") == [("conv", ["conv-default-padding"])]
