"""A padding by hand ahead of a convolution: what it does otherwise than the other side's own padding is named."""

import pytest
import torch.nn.functional as F
from flax import nnx
from torch import nn

import crosscheck

INPUTS = {False: "x: n c h w | n h w c = 2 3 8 8", True: "x: n h w c | n c h w = 2 8 8 3"}
SEQUENCES = {False: "x: n c t | n t c = 2 3 12", True: "x: n t c | n c t = 2 12 3"}


class Images(nn.Module):
    def __init__(self, widths, mode="constant", relu=False):
        super().__init__()
        self.first, self.second, self.last = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 5, 3, 2), nn.Conv2d(5, 4, 1)
        self.widths, self.mode, self.relu = widths, mode, relu

    def forward(self, x):
        x = self.first(x)
        x = F.relu(x) if self.relu else x
        return self.last(self.second(F.pad(x, self.widths, mode=self.mode)))


class ImagesPort(nnx.Module):
    def __init__(self, padding, relu=False):
        rngs = nnx.Rngs(0)
        self.first = nnx.Conv(3, 6, (3, 3), rngs=rngs)
        self.second = nnx.Conv(6, 5, (3, 3), strides=2, padding=padding, rngs=rngs)
        self.last = nnx.Conv(5, 4, (1, 1), rngs=rngs)
        self.relu = relu

    def __call__(self, x):
        x = self.first(x)
        return self.last(self.second(nnx.relu(x) if self.relu else x))


class Causal(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Conv1d(3, 6, 1), nn.Conv1d(6, 6, 2, dilation=2), nn.Conv1d(6, 4, 1)

    def forward(self, x):
        return self.last(F.tanh(self.second(F.pad(self.first(x), (2, 0)))))


class CausalPort(nnx.Module):
    def __init__(self, padding):
        rngs = nnx.Rngs(0)
        self.first, self.last = (nnx.Conv(n, m, (1,), rngs=rngs) for n, m in ((3, 6), (6, 4)))
        self.second = nnx.Conv(6, 6, (2,), kernel_dilation=2, padding=padding, rngs=rngs)

    def __call__(self, x):
        return self.last(nnx.tanh(self.second(self.first(x))))


ONE = ((1, 1), (1, 1))
ROWS = {
    "as SAME does, or alike": ("conv-same-stride2", ((0, 1, 0, 1),), (ONE,)),
    "behind an activation": ("conv-same-stride2", ((0, 1, 0, 1), "constant", True), (ONE, True)),
    "at the other end": ("conv-same-stride2", ((1, 0, 1, 0),), ("SAME",)),
    "not at all": ("conv-default-padding", ((0, 1, 0, 1),), ("VALID",)),
    "mirrored": ("conv-padding-mode", ((1, 1, 1, 1), "reflect"), (ONE,)),
}


def compared(model, port, inputs, turned):
    sides = (port, model) if turned else (model, port)
    return crosscheck.compare(*sides, inputs[turned], rungs=("eval",))


def assert_named(cause, report):
    first = report.accused()[0]
    assert first.divergence.before == "second"
    assert [found.id for found in first.explanation.causes] == [cause]
    assert first.explanation.after < 1e-12 < first.explanation.before


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
@pytest.mark.parametrize(("cause", "model", "port"), ROWS.values(), ids=ROWS)
def test_an_image_that_is_padded_by_hand(cause, model, port, turned):
    assert_named(cause, compared(Images(*model), ImagesPort(*port), INPUTS, turned))


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_a_sequence_that_is_padded_by_hand(turned):
    report = compared(Causal(), CausalPort("SAME"), SEQUENCES, turned)
    assert_named("conv-causal-padding", report)
    sizes = ("(2, 12, 6)", "(2, 14, 6)") if turned else ("(2, 6, 14)", "(2, 6, 12)")
    assert f"shapes differ: {sizes[0]} and {sizes[1]}" in str(report)


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_paddings_that_come_to_the_same_agree(turned):
    for report in (
        compared(Images((0, 1, 0, 1)), ImagesPort("SAME"), INPUTS, turned),
        compared(Causal(), CausalPort("CAUSAL"), SEQUENCES, turned),
    ):
        assert report.agree, report


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_of_a_padding_and_another_function_nothing_is_claimed(turned):
    """The size tells that a padding is done by hand, but what is padded is another value too."""
    first = compared(Images((0, 1, 0, 1), "constant", True), ImagesPort(ONE), INPUTS, turned).accused()[0]
    assert first.divergence.before == "second"
    assert first.explanation is None
