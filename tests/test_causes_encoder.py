"""A text encoder as BERT's: marks made into a bias ahead of all blocks in torch, used as they are in flax; positions,
kinds of text and a tied head."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from torch import nn

from crosscheck import compare

V, E, T = 11, 8, 5
MARKS = np.array([[1, 1, 1, 1, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], bool)
INPUTS = {
    "ids": np.arange(15).reshape(3, T) % V,
    "kinds": np.array([[0, 0, 1, 1, 1], [0, 1, 1, 0, 0], [0, 0, 0, 1, 1]]),
    "marks": MARKS,
}


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.kinds, self.places = nn.Embedding(V, E), nn.Embedding(2, E), nn.Embedding(T + 3, E)
        self.norm, self.query, self.key, self.value = nn.LayerNorm(E), *(nn.Linear(E, E) for _ in range(3))
        self.out, self.decode = nn.Linear(E, E), nn.Linear(E, V)
        self.decode.weight = self.tokens.weight

    def forward(self, ids, kinds, marks):
        bias = (1.0 - marks[:, None, None].to(self.norm.weight.dtype)) * -10000.0
        x = self.tokens(ids) + self.kinds(kinds) + self.places(torch.arange(T)[None])
        x = self.norm(x)
        q, k, v = (layer(x).view(len(x), T, 2, -1).transpose(1, 2) for layer in (self.query, self.key, self.value))
        weights = (q @ k.transpose(-1, -2) / (E // 2) ** 0.5 + bias).softmax(-1)
        return self.decode(x + self.out((weights @ v).transpose(1, 2).reshape(x.shape)))


class Port(nnx.Module):
    def __init__(self, way=""):
        rngs, self.way = nnx.Rngs(0), way
        self.tokens, self.kinds = nnx.Embed(V, E, rngs=rngs), nnx.Embed(2, E, rngs=rngs)
        self.places = nnx.Param(jax.random.normal(rngs.params(), (T + 3, E)))
        self.norm = nnx.LayerNorm(E, epsilon=1e-5, rngs=rngs)
        self.query, self.key, self.value, self.out = (nnx.Linear(E, E, rngs=rngs) for _ in range(4))
        self.bias = nnx.Param(jnp.zeros(V))

    def __call__(self, ids, kinds, marks):
        start = 1 if self.way == "later rows" else 0
        kinds = jnp.zeros_like(kinds) if self.way == "first kind" else kinds
        x = self.norm(self.tokens(ids) + self.kinds(kinds) + self.places[None, start : start + T])
        q, k, v = (layer(x).reshape(len(x), T, 2, -1).swapaxes(1, 2) for layer in (self.query, self.key, self.value))
        x = x + self.out((self.weights(q, k, marks) @ v).swapaxes(1, 2).reshape(x.shape))
        return self.tokens.attend(x) + (0 if self.way == "no bias" else self.bias[...])

    def weights(self, q, k, marks):
        scores, marks = q @ k.swapaxes(-1, -2) / (E // 2) ** 0.5, marks[:, None, None]
        if self.way == "after":
            return jnp.where(marks, jax.nn.softmax(scores, -1), 0.0)
        marks = marks.swapaxes(2, 3) if self.way == "queries" else marks
        return jax.nn.softmax(scores + marks if self.way == "added" else jnp.where(marks, scores, -1e9), -1)


FAULTS = {
    "queries": "attention-mask-queries",
    "after": "attention-mask-after-softmax",
    "added": "attention-float-mask-added",
    "first kind": "index-everywhere-the-same",
    "later rows": "embedding-index-offset",
}


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
@pytest.mark.parametrize("way", FAULTS)
def test_it_is_told_once_and_named(way, turned):
    models = Encoder(), Port(way)
    report = compare(*(models[::-1] if turned else models), INPUTS, rungs=("eval",))
    told = [[cause.id for cause in culprit.explanation.causes] for culprit in report.accused()]
    assert told == [[FAULTS[way]]], report


def test_the_bias_of_a_layer_that_the_other_side_makes_by_its_table():
    (culprit,) = compare(Encoder(), Port("no bias"), INPUTS, rungs=("eval",)).accused()
    assert [cause.id for cause in culprit.explanation.causes] == ["positional-missing"]
    assert culprit.explanation.second == "`decode` - `decode.bias`"


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_the_sound_pair_agrees(turned):
    models = Encoder(), Port()
    assert compare(*(models[::-1] if turned else models), INPUTS, rungs=("eval",)).agree
