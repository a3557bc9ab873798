"""Which of several modules of one class and size is which: told by what reaches them, unless the code around is at
fault."""

import pytest
import torch
from torch import nn

from crosscheck.twins.compare import compare

C, NAMES = 6, ("one", "two", "three")


class Branches(nn.Module):
    """Three dense layers of one size, of which each, in this order, gets another function of the input."""

    def __init__(self, order=NAMES, last=torch.sin):
        super().__init__()
        for name in NAMES:
            setattr(self, name, nn.Linear(C, C))
        self.ways = tuple(zip(order, (lambda x: x, torch.tanh, last)))

    def forward(self, x):
        return sum(torch.tanh(getattr(self, name)(function(x))) for name, function in self.ways)


def paired(report, names):
    """The second model's module for each of the first's, and why."""
    found = {k.first.path: k for k in report.pairing.links}
    links = [found[f"{name}.weight"] for name in names]
    return [link.second.path.removesuffix(".weight") for link in links], [link.why for link in links]


@pytest.mark.parametrize("order", [("two", "one", "three"), ("three", "one", "two")], ids=["exchanged", "in turn"])
def test_modules_that_names_confuse_are_paired_by_what_reaches_them(order):
    report = compare(Branches(), Branches(order), "x: n c = 5 6", rungs=("eval",))
    assert report.agree, report
    assert paired(report, NAMES)[0] == [*order]
    assert paired(report, ["one"])[1] == ["values"]


def test_a_fault_elsewhere_is_accused_of_the_module_that_it_reaches():
    report = compare(Branches(), Branches(("two", "one", "three"), torch.cos), "x: n c = 5 6", rungs=("eval",))
    assert paired(report, NAMES)[0] == ["two", "one", "three"]
    assert [culprit.divergence.before for culprit in report.accused()] == ["three"]


class Encoder(nn.Module):
    """Two blocks, each with a norm: of what it adds up, or ahead of the block."""

    def __init__(self, norm_first=False):
        super().__init__()
        self.enter, self.leave = nn.Linear(4, C), nn.Linear(C, 3)
        self.attend, self.narrow = nn.Linear(C, C, bias=False), nn.Linear(C, C)
        self.norm1, self.norm2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.norm_first = norm_first

    def forward(self, x):
        x = self.enter(x)
        for block, norm in ((self.attend, self.norm1), (self.narrow, self.norm2)):
            x = x + block(norm(x)) if self.norm_first else norm(x + block(x))
        return self.leave(x)


@pytest.fixture(scope="module")
def norm_first():
    return compare(Encoder(), Encoder(norm_first=True), "x: n c = 5 4", rungs=("eval",))


def test_norms_of_which_one_alone_would_fit_better_stay_where_they_are(norm_first):
    """What the first norm should get reaches the second one, but what the second should get reaches none."""
    assert paired(norm_first, ["norm1", "norm2"])[0] == ["norm1", "norm2"]


def test_a_norm_that_comes_first_is_named(norm_first):
    first = norm_first.accused()[0]
    assert first.divergence.before == "attend"
    assert [cause.id for cause in first.explanation.causes] == ["norm-before-or-after"]
    assert "`norm1`" in first.explanation.second


def test_a_norm_that_comes_first_is_named_in_the_first_model_too():
    """What its norm is given there is made without a block that the other model has run by then."""
    first = compare(Encoder(norm_first=True), Encoder(), "x: n c = 5 4", rungs=("eval",)).accused()[0]
    assert first.divergence.before == "norm1"
    assert [cause.id for cause in first.explanation.causes] == ["norm-before-or-after"]
    assert "`attend`" in first.explanation.second


class Heads(nn.Module):
    """Two heads with hidden layers of one size; the order in which they are made and run is told."""

    def __init__(self, names, sizes, last=torch.sigmoid):
        super().__init__()
        self.names, self.last = names, last
        for name in names:
            setattr(self, name, nn.Sequential(nn.Linear(4, C), nn.ReLU(), nn.Linear(C, sizes[name])))

    def forward(self, x):
        found = {name: getattr(self, name)(x) for name in self.names}
        return torch.cat([self.last(found[name]) for name in sorted(found)], -1)


SIZES = {"actions": 3, "value": 1, "q_act_head": 3, "q_value_head": 1}


def heads(last):
    first = Heads(("actions", "value"), SIZES)
    return compare(first, Heads(("q_value_head", "q_act_head"), SIZES, last), "x: n c = 5 4", rungs=("eval",))


def test_layers_that_get_the_same_are_paired_by_what_is_made_of_them_if_the_names_speak_for_it():
    report = heads(torch.sigmoid)
    assert report.agree, report
    assert paired(report, ["actions.0", "value.0"])[0] == ["q_act_head.0", "q_value_head.0"]


def test_so_are_they_if_something_else_is_wrong():
    (culprit,) = heads(torch.tanh).accused()
    assert culprit.divergence.wiring
    assert (culprit.divergence.first, culprit.divergence.before) == ("", "")


class Norms(nn.Module):
    """Two layers with a norm behind each, of which one may be left out; which norm is which no name tells."""

    def __init__(self, names, used=(0, 1)):
        super().__init__()
        self.start, self.one, self.two = nn.Linear(4, C), nn.Linear(C, C), nn.Linear(C, 3)
        for name in names:
            setattr(self, name, nn.LayerNorm(C))
        self.norms = [getattr(self, name) if i in used else None for i, name in enumerate(names)]

    def forward(self, x):
        first, second = (norm or nn.Identity() for norm in self.norms)
        return self.two(second(torch.tanh(self.one(first(torch.tanh(self.start(x)))))))


@pytest.mark.parametrize("used", [0, 1])
@pytest.mark.parametrize("turned", [False, True], ids=["first has all", "second has all"])
def test_of_two_norms_the_one_that_is_not_called_is_told_by_what_reaches_the_other(used, turned):
    models = Norms(("early", "late")), Norms(("gain", "bent"), (used,))
    report = compare(*(models[::-1] if turned else models), "x: n c = 5 4", rungs=("eval",))
    ends = paired(report, ("gain", "bent") if turned else ("early", "late"))[0]
    assert ends == (["early", "late"] if turned else ["gain", "bent"])
    (culprit,) = report.accused()
    assert [cause.id for cause in culprit.explanation.causes] == ["layer-missing"]
