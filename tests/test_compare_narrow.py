"""Places that keep float32 although the model runs in float64: set aside, once, and nothing else with them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from cause_scenes import named, normal
from narrow_nets import BATCH, Unit, either_way
from torch import nn

from crosscheck.causes.site import Side, Site
from crosscheck.causes.stretch import Span, between
from crosscheck.models.model import Call, Run
from crosscheck.twins import compare as comparing
from crosscheck.twins import locate
from crosscheck.twins.coarse import bent, narrow
from crosscheck.twins.compare import compare
from crosscheck.twins.measure import LIMIT, Gap, within_float32


def float32(y):
    """By way of NumPy, which cannot be lifted, and with the gradient as it comes."""
    rounded = torch.from_numpy(y.detach().numpy().astype("f4").astype("f8")).to(y.dtype)
    return y + (rounded - y).detach()


class Net(nn.Module):
    """function: of the unit in the middle; after: what becomes of the output; when_training: of the norm's."""

    def __init__(self, function=torch.tanh, after=lambda y: y, when_training=lambda y: y):
        super().__init__()
        self.a, self.unit, self.b = nn.Linear(5, 7), Unit(function), nn.Linear(7, 3)
        self.norm, self.after, self.when_training = nn.BatchNorm1d(3), after, when_training

    def forward(self, x):
        y = self.norm(self.b(self.unit(self.a(x)).to(self.b.weight.dtype)))
        return self.after(self.when_training(y) if self.training else y)


def excused(report):
    return [finding.excused for finding in report.findings]


# What is set aside


INSIDE = {
    "what goes in is rounded": lambda x: torch.tanh(float32(x)),
    "what comes out is rounded": lambda x: float32(torch.tanh(x)),
    "a constant of float32": lambda x: torch.tanh(x) * (float(np.float32(0.1)) / 0.1),
}


@pytest.mark.parametrize("function", INSIDE.values(), ids=INSIDE)
def test_float32_inside_is_set_aside_and_not_accused(function):
    for report in either_way(Net(), Net(function)):
        assert report.status == "agree", str(report)
        assert excused(report) == [True, True, True, False]
        assert report.findings[3].agrees
        assert {culprit.divergence.first for culprit in report.culprits} == {"unit"}
        assert all("narrower dtype" in culprit.excused for culprit in report.culprits)


@pytest.mark.parametrize("which", ["first", "second"])
def test_the_side_that_keeps_it_is_said(which):
    nets = [Net(), Net(INSIDE["what goes in is rounded"])]
    report = compare(*(nets[::-1] if which == "first" else nets), BATCH)
    assert f"the {which} model keeps a narrower dtype" in report.culprits[0].excused


def test_the_constant_is_told():
    report = compare(Net(), Net(INSIDE["a constant of float32"]), BATCH)
    assert f"the second is {float(np.float32(0.1)) / 0.1:.9g} times the first" in report.culprits[0].excused


class Scaled(nn.Module):
    """An embedding times a constant, to which a block of it is added, as in a transformer; `late`: of the embedding as
    it is without the constant."""

    def __init__(self, constant, late=False):
        super().__init__()
        self.enter, self.block, self.leave = nn.Linear(5, 7), nn.Linear(7, 7), nn.Linear(7, 3)
        self.constant, self.late = constant, late

    def forward(self, x):
        x = self.enter(x)
        scaled = self.constant * x
        return self.leave(scaled + self.block(x if self.late else scaled))


def test_a_constant_of_float32_in_a_sum_is_set_aside():
    for report in either_way(Scaled(7**0.5, late=True), Scaled(float(np.float32(7**0.5)), late=True)):
        assert report.status == "agree", str(report)
        assert "a small multiple of one term" in report.culprits[0].excused


def test_a_constant_of_float32_that_is_handed_on_is_set_aside_once():
    for report in either_way(Scaled(7**0.5), Scaled(float(np.float32(7**0.5)))):
        assert report.status == "agree", str(report)
        eval_alone = [culprit for culprit in report.culprits if culprit.rung == "eval"]
        assert [culprit.divergence.before for culprit in eval_alone] == ["block"]
        assert "times the first" in eval_alone[0].excused


@pytest.mark.parametrize("more", [1e-5, 4e-7])
def test_another_constant_in_a_sum_is_accused(more):
    for report in either_way(Scaled(7**0.5), Scaled(7**0.5 * (1 + more))):
        assert report.status != "agree"
        assert any(not culprit.excused for culprit in report.culprits)


def test_wiring_that_rounds_is_set_aside_forward():
    report = compare(Net(), Net(after=float32), BATCH, rungs=("eval",))
    (forward,) = (culprit for culprit in report.culprits if culprit.divergence.direction == "forward")
    assert forward.divergence.after == "norm"
    assert "the second model keeps a narrower dtype" in forward.excused


class Apart(nn.Module):
    """Two layers with code between them."""

    def __init__(self, between):
        super().__init__()
        self.a, self.b, self.between = nn.Linear(5, 7), nn.Linear(7, 3), between

    def forward(self, x):
        return self.b(self.between(self.a(x)))


class Rounded(torch.autograd.Function):
    """By way of NumPy, forward and backward."""

    @staticmethod
    def forward(ctx, y):
        return float32(y)

    @staticmethod
    def backward(ctx, grad):
        return float32(grad)


def test_a_softmax_in_float32_between_layers_is_set_aside_backward_too():
    def narrow(y):
        return Rounded.apply(torch.softmax(Rounded.apply(y), -1))

    for report in either_way(Apart(lambda y: torch.softmax(y, -1)), Apart(narrow)):
        assert report.status == "agree", str(report)
        assert excused(report) == [True, True, True, False]


# What is not


FAULTS = {
    "small, and smooth": lambda x: torch.tanh(x) * (1 + 1e-8 * torch.cos(x)),
    "a factor that float32 would resolve": lambda x: torch.tanh(x) * (1 + 1e-6),
    "coarse, and too large for rounding": lambda x: 1.001 * torch.tanh(float32(x)),
    "of a still narrower dtype": lambda x: torch.tanh(x.to(torch.bfloat16).to(x.dtype)),
}


@pytest.mark.parametrize("function", FAULTS.values(), ids=FAULTS)
def test_what_float32_does_not_make_is_accused(function):
    for report in either_way(Net(), Net(function)):
        assert report.first_divergence.first == "unit"
        assert excused(report)[:3] == [False, False, False]
        assert report.findings[3].reason.startswith("not run")


def test_a_fault_beside_what_is_set_aside_is_accused_and_named_to_float32s_rounding():
    one, other = Net(INSIDE["what goes in is rounded"]), Net(after=lambda y: 0.5 * float32(y))
    for report in either_way(one, other):
        assert [culprit.divergence.after for culprit in report.accused()] == ["norm"]
        assert [cause.id for cause in report.accused()[0].explanation.causes] == ["scale-constant"]
        assert {culprit.divergence.first for culprit in report.culprits if culprit.excused} == {"unit"}


@pytest.mark.parametrize(
    ("cause", "one", "other"),
    [
        ("scale-constant", lambda x, y: y, lambda x, y: 0.5 * y),
        ("residual-twice", lambda x, y: y + x, lambda x, y: y + 2 * x),
    ],
)
def test_a_hypothesis_is_held_to_float32s_rounding_only_where_it_is_known_to_be_kept(cause, one, other):
    x, y = normal(6, 7, seed=1), normal(6, 7, seed=2)
    exact, rounded = other(x, y), other(x, y).astype("f4").astype("f8")
    site = Site("value", one(x, y), rounded, (x, y), (Side("torch"), Side("jax")))
    assert named(site) == []
    assert named(replace(site, coarse=True)) == [cause]
    assert named(replace(site, second=exact + 1e-4 * np.sin(y), coarse=True)) == []


# Looked for once


@pytest.fixture
def hunts(monkeypatch):
    """The rungs on which culprits were looked for."""
    rungs, hunt = [], comparing.hunt

    def noted(twins, finding, *more):
        rungs.append(finding.rung)
        return hunt(twins, finding, *more)

    monkeypatch.setattr(comparing, "hunt", noted)
    return rungs


def test_it_is_looked_for_on_the_first_rung_alone(hunts):
    report = compare(Net(), Net(INSIDE["what goes in is rounded"]), BATCH)
    assert hunts == ["eval"]
    assert [finding.diverges for finding in report.findings] == [True, True, True, False]
    assert excused(report) == [True, True, True, False]


def test_a_later_rung_that_shows_more_is_looked_at(hunts):
    report = compare(Net(), Net(INSIDE["what goes in is rounded"], when_training=lambda y: 2 * y), BATCH)
    assert hunts[:2] == ["eval", "train"]
    assert excused(report)[:2] == [True, False]
    assert [culprit.rung for culprit in report.accused()] == ["train"]


def test_beside_an_accused_place_nothing_is_excused_unseen(hunts):
    report = compare(Net(), Net(INSIDE["what goes in is rounded"], after=lambda y: 2 * y), BATCH)
    assert hunts == ["eval", "train", "given"]
    assert excused(report) == [False, False, False, False]


def test_what_agrees_is_not_looked_for(hunts):
    report = compare(Net(), Net(), BATCH)
    assert hunts == []
    assert excused(report) == [False] * 4


# The measures


@pytest.mark.parametrize(
    ("units", "problem", "within"),
    [
        (0.0, "", True),
        (LIMIT, "", True),
        (LIMIT * 2.0**29, "", True),  # 2^29 roundoffs of float64 are one of float32
        (LIMIT * 2.0**29 * 1.01, "", False),
        (np.inf, "", False),
        (0.0, "shapes differ", False),
    ],
)
def test_within_the_rounding_of_float32(units, problem, within):
    assert within_float32(Gap("output", "y", units, 0.0, 0.0, problem=problem)) == within


X, V = normal(50, seed=1), normal(50, seed=2)
STEP = 2.0**-26


@pytest.mark.parametrize(
    ("function", "jumps"),
    [
        (lambda x: 3 * x + 1, False),
        (np.tanh, False),
        (lambda x: x.astype("f4").astype("f8"), True),
        (lambda x: np.tanh(x.astype("f4")).astype("f8"), True),
        (lambda x: np.round(x), True),  # does not move at all
    ],
)
def test_what_is_rounded_inside_does_not_answer_along_a_line(function, jumps):
    assert bent(*(function(X + t * V) for t in (0, STEP, 2 * STEP))) == jumps


@pytest.mark.parametrize("side", ["inputs", "outputs", "cotangents", "input_cotangents"])
@pytest.mark.parametrize(("dtype", "told"), [("f4", True), ("f2", True), ("f8", False), ("i4", False), ("?", False)])
def test_calls_that_have_anything_in_a_narrower_dtype(side, dtype, told):
    wide, other = np.ones(3), np.ones(3, dtype)
    calls = [Call("a", "Own", "", {"0": wide}), Call("b", "Own", "", **{side: {"0": wide, "1": other}})]
    assert narrow(Run({}, calls=calls)) == ({"b"} if told else set())


@pytest.mark.parametrize(("path", "owner"), [("qkv.weight", "qkv"), ("a.b.weight", "a.b"), ("scale", "")])
def test_a_gradient_of_a_layer_without_counterpart_is_not_the_wholes(monkeypatch, path, owner):
    whole = SimpleNamespace(key="", uneven=False, match=SimpleNamespace(unit=SimpleNamespace(first="", second="")))
    wrong = Gap("gradient", path, np.inf, 1.0, 1.0)
    monkeypatch.setattr(locate, "gradient_gaps", lambda *_: [wrong])
    monkeypatch.setattr(locate, "state_gaps", lambda *_: [])
    (found,) = locate.leaf_culprits([whole], None, [], None, None, {path: owner}, "float64")
    assert (found.first, found.match is not None) == (owner, owner == "")


def test_a_stretch_at_the_beginning_or_the_end_has_the_calls_that_lie_in_it():
    run = Run({}, calls=[Call(key, "", parent) for key, parent in (("a", ""), ("b", ""), ("", None))])
    ends = [("", "b", ["a"]), ("a", "", ["b"]), ("", "", ["a", "b"])]
    for after, before, inside in ends:
        assert [call.key for call in between(run, Span(before, after, ""))] == inside


def test_a_stretch_at_the_end_of_a_module_ends_with_it():
    parents = {"m.a": "m", "m.b": "m", "m": "", "c": "", "": None}
    run = Run({}, calls=[Call(key, "", parent) for key, parent in parents.items()])
    assert [call.key for call in between(run, Span("", "m.a", "m"))] == ["m.b"]
