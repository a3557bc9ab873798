"""A bidirectional layer as two that run by themselves: which way, in which order, and what of them is handed on."""

import jax.numpy as jnp
import pytest
import torch
from flax import nnx
from torch import nn

from crosscheck import compare


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(11, 6), nn.Linear(16, 5)
        self.rnn = nn.LSTM(6, 8, batch_first=True, bidirectional=True)

    def forward(self, ids):
        y, _ = self.rnn(self.embed(ids))
        return self.head(y)


class Port(nnx.Module):
    """way: options of the second layer, and how the two are put together."""

    def __init__(self, join=lambda f, b: jnp.concatenate([f, b], -1), **way):
        rngs = nnx.Rngs(0)
        self.embed, self.head = nnx.Embed(11, 6, rngs=rngs), nnx.Linear(16, 5, rngs=rngs)
        self.ahead = nnx.RNN(nnx.OptimizedLSTMCell(6, 8, rngs=rngs))
        self.behind = nnx.RNN(nnx.OptimizedLSTMCell(6, 8, rngs=rngs), **{"reverse": True, "keep_order": True} | way)
        self.join = join

    def __call__(self, ids):
        x = self.embed(ids)
        return self.head(self.join(self.ahead(x), self.behind(x)))


WAYS = {
    "both forward": ({"reverse": False}, "rnn-reverse"),
    "as it was made": ({"keep_order": False}, "rnn-keep-order"),
    "exchanged": ({"join": lambda f, b: jnp.concatenate([b, f], -1)}, "concat-order"),
    "one of them twice": ({"join": lambda f, b: jnp.concatenate([f, f], -1)}, ("split-part", "concat-other-value")),
}


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
@pytest.mark.parametrize(("way", "cause"), WAYS.values(), ids=WAYS)
def test_what_is_done_with_the_second_direction_is_named(way, cause, turned):
    models = Tagger(), Port(**way)
    (culprit,) = compare(*(models[::-1] if turned else models), "ids: n t = 3 6 below 11", rungs=("eval",)).accused()
    expected = cause if isinstance(cause, str) else cause[turned]
    assert [each.id for each in culprit.explanation.causes] == [expected]


def test_the_sound_pair_agrees():
    assert compare(Tagger(), Port(), "ids: n t = 3 6 below 11", rungs=("eval",)).agree


class Last(Tagger):
    """What comes last in either direction."""

    def forward(self, ids):
        _, (h, _) = self.rnn(self.embed(ids))
        return self.head(torch.cat([h[0], h[1]], -1))


class PortOfLast(Port):
    def __call__(self, ids):
        x = self.embed(ids)
        (_, f), _ = self.ahead(x, return_carry=True)
        (_, b), _ = self.behind(x, return_carry=True)
        return self.head(self.join(f, b))


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_a_last_state_of_the_other_direction_is_named(turned):
    models = Last(), PortOfLast(reverse=False)
    (culprit,) = compare(*(models[::-1] if turned else models), "ids: n t = 3 6 below 11", rungs=("eval",)).accused()
    assert [each.id for each in culprit.explanation.causes] == ["rnn-reverse"]
    assert "the last h of" in culprit.explanation.first
