"""The values that models are compared at: what an initializer leaves at zeros and ones is drawn, caps are reached."""

import numpy as np
import pytest
import torch
from torch import nn

from crosscheck.models.model import Leaf
from crosscheck.twins.compare import compare
from crosscheck.twins.randomise import LARGE, fresh, moved

SHAPE = (4, 9)


def drawn(path, kind, given, seed=0):
    leaf = Leaf(path, given.shape, given.dtype.name, True, kind)
    return fresh([leaf], {path: given}, seed)[path]


@pytest.mark.parametrize("kind", ["BatchNorm2d", "LayerNorm", "GroupNorm", "RMSNorm"])
@pytest.mark.parametrize("name", ["bias", "b", "beta"])
def test_one_bias_of_a_norm_is_beyond_the_caps(name, kind):
    bias = drawn(f"a.{name}", kind, np.zeros(20))
    assert (bias == LARGE).sum() == 1
    assert np.abs(np.delete(bias, bias.argmax())).max() < 2
    assert LARGE >= 6


def test_which_one_it_is_follows_from_the_seed():
    found = {int(drawn("a.bias", "LayerNorm", np.zeros(20), seed).argmax()) for seed in range(9)}
    assert len(found) > 1
    assert np.array_equal(drawn("a.bias", "LayerNorm", np.zeros(20), 3), drawn("a.bias", "LayerNorm", np.zeros(20), 3))


ROWS = {
    "a bias": ("a.bias", "Linear", np.zeros(SHAPE), -2, 2),
    "a mean": ("a.running_mean", "BatchNorm1d", np.zeros(SHAPE), -2, 2),
    "a variance": ("a.running_var", "BatchNorm1d", np.full(SHAPE, 3.0), 0.5, 2),
    "a scale": ("a.scale", "LayerNorm", np.full(SHAPE, 0.1), 0.5, 1.5),
    "what is one": ("a.tau", "Own", np.ones(SHAPE), 0.5, 1.5),
    "what is zero": ("a.tau", "Own", np.zeros(SHAPE), -2, 2),
    "a small weight": ("a.weight", "Linear", 1e-3 * np.arange(36.0).reshape(SHAPE), -0.05, 0.05),
}


@pytest.mark.parametrize(("path", "kind", "given", "low", "high"), ROWS.values(), ids=ROWS)
def test_no_value_is_left_as_it_was(path, kind, given, low, high):
    found = drawn(path, kind, given)
    assert found.shape == given.shape
    assert len(np.unique(found)) == found.size
    assert low < found.min() < found.max() < high
    assert found.std() > 0.1 * (high - low) / 4


def test_whole_numbers_and_empty_biases_are_kept():
    seen = np.array(3)
    assert drawn("a.num_batches_tracked", "BatchNorm1d", seen) is seen
    assert drawn("a.bias", "LayerNorm", np.zeros(0)).shape == (0,)


def test_a_small_move_is_relative_and_leaves_whole_numbers():
    values = {"x": np.array([1e-6, 1.0, 1e6]), "seen": np.array([3])}
    near = moved(values, seed=1, step=1e-3)
    assert np.array_equal(near["seen"], values["seen"])
    share = np.abs(near["x"] / values["x"] - 1)
    assert (share > 0).all()
    assert (share < 5e-3).all()


class Capped(nn.Module):
    def __init__(self, act, norm):
        super().__init__()
        self.a, self.norm, self.b, self.act = nn.Linear(5, 8), norm(8), nn.Linear(8, 3), act

    def forward(self, x):
        return self.b(self.act(self.norm(self.a(x))))


@pytest.mark.parametrize("norm", [nn.BatchNorm1d, nn.LayerNorm])
def test_a_cap_that_the_models_own_values_never_reach_is_seen(norm):
    torch.manual_seed(0)
    one, other = Capped(nn.functional.relu6, norm), Capped(torch.relu, norm)
    assert compare(one, other, "x: n c = 4 5", rungs=("given",)).agree
    for first, second in ((one, other), (other, one)):
        report = compare(first, second, "x: n c = 4 5", rungs=("eval", "train"))
        assert [finding.diverges for finding in report.findings] == [True, True]
        assert [cause.id for cause in report.accused()[0].explanation.causes] == ["relu6-cap"]
