"""Cells and layers that are begun from a state: the frameworks take and give it in other orders, which is no fault."""

import jax
import jax.numpy as jnp
import pytest
import torch
from flax import nnx
from torch import nn

from crosscheck.twins.compare import compare

C = 6


class Decoder(nn.Module):
    """A state made of a summary begins a layer, or a cell that is stepped; inputs are as wide as states."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.begin, self.cell_of = kind, nn.Linear(5, C), nn.Linear(5, C)
        make = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}
        self.rnn = nn.LSTM(C, C, batch_first=True) if kind == "layer" else make[kind](C, C)
        self.head = nn.Linear(C, 3)

    def forward(self, s, x):
        h, c = torch.tanh(self.begin(s)), self.cell_of(s)
        if self.kind == "layer":
            y, (h, c) = self.rnn(x, (h[None], c[None]))
            return torch.cat([self.head(y), self.head(c[0])[:, None]], 1)
        outputs = []
        for t in range(x.shape[1]):
            h = self.rnn(x[:, t], (h, c) if self.kind == "lstm" else h)
            h, c = h if self.kind == "lstm" else (h, c)
            outputs.append(self.head(h))
        return torch.stack(outputs, 1)


class Port(nnx.Module):
    """way: "exchanged", where h is handed over for c; "no tanh" ahead of the first h; "scaled", all logits are."""

    def __init__(self, kind, way=""):
        rngs = nnx.Rngs(0)
        self.kind, self.way = kind, way
        self.begin, self.cell_of = nnx.Linear(5, C, rngs=rngs), nnx.Linear(5, C, rngs=rngs)
        make = {"gru": GRUCell, "rnn": nnx.SimpleCell}.get(kind, nnx.OptimizedLSTMCell)
        cell = make(C, C, rngs=rngs)
        self.rnn = nnx.RNN(cell, return_carry=True) if kind == "layer" else cell
        self.head = nnx.Linear(C, 3, rngs=rngs)

    def __call__(self, s, x):
        h, c = self.begin(s) if self.way == "no tanh" else jnp.tanh(self.begin(s)), self.cell_of(s)
        factor = 0.7 if self.way == "scaled" else 1
        if self.kind == "layer":
            (c, _), y = self.rnn(x, initial_carry=(h, c) if self.way == "exchanged" else (c, h))
            return factor * jnp.concatenate([self.head(y), self.head(c)[:, None]], 1)
        outputs = []
        for t in range(x.shape[1]):
            if self.kind == "lstm":
                (c, h), y = self.rnn((h, c) if self.way == "exchanged" else (c, h), x[:, t])
            else:
                h, y = self.rnn(h, x[:, t])
            outputs.append(self.head(y))
        return factor * jnp.stack(outputs, 1)


class GRUCell(nnx.Module):
    """torch's, with its two biases, stepped as flax does."""

    def __init__(self, c, h, rngs):
        self.wi, self.wh = nnx.Linear(c, 3 * h, rngs=rngs), nnx.Linear(h, 3 * h, rngs=rngs)

    def __call__(self, h, x):
        r, z, n = jnp.split(self.wi(x), 3, -1)
        r_h, z_h, n_h = jnp.split(self.wh(h), 3, -1)
        r, z = jax.nn.sigmoid(r + r_h), jax.nn.sigmoid(z + z_h)
        h = (1 - z) * jnp.tanh(n + r * n_h) + z * h
        return h, h


CAUSES = {"": [], "no tanh": ["activation-missing"], "scaled": ["scale-constant"]}


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
@pytest.mark.parametrize("way", CAUSES)
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn", "layer"])
def test_only_what_is_wrong_elsewhere_is_told(kind, way, turned):
    models = Decoder(kind), Port(kind, way)
    report = compare(*(models[::-1] if turned else models), "s: n f = 4 5; x: n t c = 4 3 6", rungs=("eval",))
    told = [[cause.id for cause in c.explanation.causes] if c.explanation else None for c in report.accused()]
    assert told == [CAUSES[way]] * bool(way), report
    assert report.agree == (not way)


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
@pytest.mark.parametrize("kind", ["lstm", "layer"])
def test_states_in_each_others_place(kind, turned):
    models = Decoder(kind), Port(kind, "exchanged")
    report = compare(*(models[::-1] if turned else models), "s: n f = 4 5; x: n t c = 4 3 6", rungs=("eval",))
    told = {cause.id for c in report.accused() for cause in c.explanation.causes}
    assert told == {"values-exchanged"}, report
