"""Attention whose q, k and v are one layer in one model and three in the other: what lies between is named."""

import pytest
import torch
from torch import nn

from crosscheck.causes.options import departures, neighbours, settings
from crosscheck.twins.compare import compare

C, HEADS = 8, 2


def attend(q, k, v, causal, divisor):
    q, k, v = (y.unflatten(-1, (HEADS, -1)).transpose(1, 2) for y in (q, k, v))
    scores = q @ k.mT / divisor
    later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    scores = scores.masked_fill(later, -torch.inf) if causal else scores
    return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)


class Attention(nn.Module):
    def __init__(self, causal=True, divisor=(C / HEADS) ** 0.5, norm=True):
        super().__init__()
        self.norm, self.out = nn.LayerNorm(C) if norm else lambda x: x, nn.Linear(C, C)
        self.how = causal, divisor

    def forward(self, x):
        return self.out(attend(*self.parts(self.norm(x)), *self.how))


class Packed(Attention):
    def __init__(self, **how):
        super().__init__(**how)
        self.qkv = nn.Linear(C, 3 * C)

    def parts(self, x):
        return self.qkv(x).chunk(3, -1)


class Apart(Attention):
    def __init__(self, **how):
        super().__init__(**how)
        self.q, self.k, self.v = (nn.Linear(C, C) for _ in range(3))

    def parts(self, x):
        return self.q(x), self.k(x), self.v(x)


WAYS = pytest.mark.parametrize(
    ("one", "other"), [(Packed, Apart), (Apart, Packed)], ids=["packed-first", "apart-first"]
)


def told(first, second, rung="eval"):
    report = compare(first, second, "x: n t c = 3 5 8", rungs=(rung,))
    return report, report.accused()[0] if not report.agree else None


@WAYS
def test_sound_ones_are_paired_part_by_part_and_agree(one, other):
    report, _ = told(one(), other())
    assert report.agree, report
    assert len(report.pairing.links) == 10  # two each of a norm, q, k, v and the output's


@WAYS
@pytest.mark.parametrize("rung", ["eval", "given"])
@pytest.mark.parametrize(
    ("cause", "fault"), [("attention-causal-missing", {"causal": False}), ("attention-scale", {"divisor": 1.0})]
)
def test_the_change_is_named(cause, fault, rung, one, other):
    for first, second in ((one(), other(**fault)), (one(**fault), other())):
        _, culprit = told(first, second, rung)
        assert culprit.divergence.wiring
        assert culprit.divergence.before == "out"
        assert [found.id for found in culprit.explanation.causes] == [cause]


@WAYS
def test_the_change_is_named_where_nothing_comes_before_it(one, other):
    _, culprit = told(one(norm=False), other(norm=False, causal=False))
    assert [found.id for found in culprit.explanation.causes] == ["attention-causal-missing"]


@WAYS
def test_of_another_change_nothing_is_claimed(one, other):
    _, culprit = told(one(), other(divisor=2.5))
    assert culprit.divergence.before == "out"
    assert culprit.explanation is None


def test_what_is_tried_beside_an_anchor_departs_as_often_and_has_one_setting_off():
    axes = [
        settings("heads", [1, 2, 4], str, "count"),
        settings("scale", ["a", "b"], str, "scale"),
        departures("order", "kept", ("turned", "turned", "order")),
    ]
    anchor = tuple(axis.options[0] for axis in axes)
    found = {tuple(option.value for option in chosen) for chosen in neighbours(axes, [anchor, anchor], 1)}
    assert found == {(1, "a", "turned"), (2, "a", "turned"), (4, "a", "turned"), (1, "b", "turned")}
    assert not list(neighbours(axes, [], 1))
