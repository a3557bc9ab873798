"""What is handed on from far back: values that the model returns, or puts beside others, long after they were made."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from crosscheck import compare


class Auto(nn.Module):
    """A variational autoencoder, in evaluation."""

    def __init__(self, way=""):
        super().__init__()
        self.way = way
        self.enter, self.mean, self.logvar = nn.Linear(7, 8), nn.Linear(8, 4), nn.Linear(8, 4)
        self.decode = nn.Sequential(
            *(layer for _ in range(4) for layer in (nn.Linear(4, 4), nn.Tanh())), nn.Linear(4, 7)
        )

    def forward(self, x):
        h = F.relu(self.enter(x))
        mean, logvar = self.mean(h), self.logvar(h)
        z = mean + torch.exp(logvar / 2) if self.way == "noise of one" else mean
        ways = {"exchanged": (logvar, mean), "deviation": (mean, (logvar / 2).exp()), "variance": (mean, logvar.exp())}
        return self.decode(z), *ways.get(self.way, (mean, logvar))


@pytest.mark.parametrize(
    ("way", "cause"),
    [
        ("exchanged", "values-exchanged"),
        ("deviation", "logarithm-for-value"),
        ("variance", "logarithm-for-value"),
        ("noise of one", "residual-missing"),
    ],
)
def test_what_is_returned_is_known_by_where_it_was_made(way, cause):
    (culprit,) = compare(Auto(), Auto(way), "x: n d = 6 7", rungs=("eval",)).accused()
    assert [each.id for each in culprit.explanation.causes] == [cause]


def test_values_that_are_exchanged_are_named_in_their_orders():
    (culprit,) = compare(Auto(), Auto("exchanged"), "x: n d = 6 7", rungs=("eval",)).accused()
    assert (culprit.explanation.first, culprit.explanation.second) == ("`mean`, `logvar`", "`logvar`, `mean`")


class Skips(nn.Module):
    """Down and up again, with the images of before put beside."""

    def __init__(self, way=""):
        super().__init__()
        self.way = way
        self.start, self.wide = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.down = nn.Conv2d(4, 4, 3, 2, 1)
        self.low = nn.Sequential(
            *(layer for _ in range(4) for layer in (nn.Conv2d(4, 4, 3, padding=1), nn.Tanh())), nn.Conv2d(4, 4, 1)
        )
        self.up, self.end = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(8, 2, 1)

    def forward(self, x):
        images, first = x, self.start(x)
        skip = self.wide(torch.tanh(first))
        x = self.low(self.down(skip))
        if self.way == "resized last":
            x = F.interpolate(self.up(x), scale_factor=2)
        else:
            x = self.up(F.interpolate(x, scale_factor=2))
        others = {"another skip": lambda: first, "made again": lambda: self.start(images)}
        return self.end(torch.cat([x, others.get(self.way, lambda: skip)()], dim=1))


@pytest.mark.parametrize("way", ["another skip", "made again"])
def test_a_skip_from_another_place_is_named(way):
    """A layer that is called once more for it has another gradient by its weights, which is not told again."""
    (culprit,) = compare(Skips(), Skips(way), "x: n c h w = 2 3 4 6", rungs=("eval",)).accused()
    assert [cause.id for cause in culprit.explanation.causes] == ["concat-other-value"]
    assert culprit.explanation.first == "puts together `up`, `wide`"
    assert culprit.explanation.second == "puts together `up`, `start`"


@pytest.mark.parametrize("turned", [False, True])
def test_images_that_are_resized_behind_the_layer(turned):
    models = Skips("resized last" * turned), Skips("resized last" * (not turned))
    culprit = compare(*models, "x: n c h w = 2 3 4 6", rungs=("eval",)).accused()[0]
    assert [cause.id for cause in culprit.explanation.causes] == ["resize-elsewhere"]
    assert (culprit.explanation.second if turned else culprit.explanation.first).startswith("nearest")


class Dueling(nn.Module):
    """Advantages without their mean, around a value."""

    def __init__(self, way=lambda v, a: v + a - a.mean(1, keepdim=True)):
        super().__init__()
        self.way = way
        self.hidden, self.value, self.advantage = nn.Linear(5, 8), nn.Linear(8, 1), nn.Linear(8, 6)

    def forward(self, x):
        h = torch.tanh(self.hidden(x))
        return self.way(self.value(h), self.advantage(h))


@pytest.mark.parametrize(
    ("way", "cause"),
    [
        (lambda v, a: v + a - a.mean(), "reduction-axes"),
        (lambda v, a: v + a - a.mean(0, keepdim=True), "reduction-axes"),
        (lambda v, a: v + a - a.sum(1, keepdim=True), "reduction-mean-sum"),
        (lambda v, a: v + a - a.amax(1, keepdim=True), "max-for-mean-pooling"),
        (lambda v, a: v + a + a.mean(1, keepdim=True), "sign-flipped"),
        (lambda v, a: v + a, "centring-missing"),
    ],
)
def test_a_mean_that_is_subtracted(way, cause):
    (culprit,) = compare(Dueling(), Dueling(way), "x: n d = 4 5", rungs=("eval",)).accused()
    assert [each.id for each in culprit.explanation.causes] == [cause]
    assert "the mean over axes (1,) of `advantage`" in culprit.explanation.first
