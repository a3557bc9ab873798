"""A decoder with additive attention: what is wrong at every step is told at each, with one cause, and nothing else."""

import jax
import jax.numpy as jnp
import pytest
import torch
import torch.nn.functional as F
from flax import nnx
from torch import nn

from crosscheck.twins.compare import compare

C, H, K = 4, 5, 7


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.score = nn.Linear(H, K), nn.Linear(2 * H, K), nn.Linear(K, 1)

    def forward(self, h, keys, mask):
        e = self.score(torch.tanh(self.query(h)[:, None] + self.key(keys)))[..., 0]
        a = F.softmax(e.masked_fill(~mask, -1e9), -1)
        return torch.bmm(a[:, None], keys)[:, 0]


class Translator(nn.Module):
    def __init__(self):
        super().__init__()
        self.source, self.target = nn.Embedding(9, C), nn.Embedding(9, C)
        self.encoder = nn.LSTM(C, H, batch_first=True, bidirectional=True)
        self.begin, self.attention = nn.Linear(2 * H, H), Attention()
        self.cell, self.head = nn.LSTMCell(C + 2 * H, H), nn.Linear(3 * H, 9)

    def forward(self, ids, target):
        keys, (h, _) = self.encoder(self.source(ids))
        h = torch.tanh(self.begin(torch.cat([h[0], h[1]], 1)))
        c, y, outputs = torch.zeros_like(h), self.target(target), []
        for t in range(target.shape[1]):
            context = self.attention(h, keys, ids != 0)
            h, c = self.cell(torch.cat([y[:, t], context], 1), (h, c))
            outputs.append(self.head(torch.cat([h, context], 1)))
        return torch.stack(outputs, 1)


class Attending(nnx.Module):
    def __init__(self, rngs, way):
        self.way = way
        self.query, self.key = nnx.Linear(H, K, rngs=rngs), nnx.Linear(2 * H, K, rngs=rngs)
        self.score = nnx.Linear(K, 1, rngs=rngs)

    def __call__(self, h, keys, mask):
        e = self.query(h)[:, None] + self.key(keys)
        e = self.score(e if self.way == "no tanh" else jnp.tanh(e))[..., 0]
        e = e if self.way == "no mask" else jnp.where(~mask if self.way == "inverted" else mask, e, -1e9)
        a = jax.nn.softmax(e, 0 if self.way == "axis" else -1)
        return jnp.einsum("nt,ntd->nd", a, keys)


class Port(nnx.Module):
    def __init__(self, way=""):
        rngs, self.way = nnx.Rngs(0), way
        self.source, self.target = nnx.Embed(9, C, rngs=rngs), nnx.Embed(9, C, rngs=rngs)
        self.ahead, self.back = (nnx.OptimizedLSTMCell(C, H, rngs=rngs) for _ in range(2))
        self.begin, self.attention = nnx.Linear(2 * H, H, rngs=rngs), Attending(rngs, way)
        self.cell = nnx.OptimizedLSTMCell(C + 2 * H, H, rngs=rngs)
        self.head = nnx.Linear(3 * H, 9, rngs=rngs)

    def __call__(self, ids, target):
        x, way = self.source(ids), self.way
        (_, f), ahead = nnx.RNN(self.ahead, return_carry=True)(x)
        (_, b), back = nnx.RNN(self.back, return_carry=True, reverse=True, keep_order=way != "turned")(x)
        keys = jnp.concatenate([ahead, back], -1)
        h = jnp.tanh(self.begin(jnp.concatenate([f, b], 1)))
        c, y, outputs = h if way == "cell state" else jnp.zeros_like(h), self.target(target), []
        for t in range(target.shape[1]):
            context = self.attention(h, keys, ids != (2 if way == "padding" else 0))
            at = max(t - 1, 0) if way == "late" else t
            parts = [y[:, at], context][:: -1 if way == "order" else 1]
            (c, h), _ = self.cell((c, h), jnp.concatenate(parts, 1))
            outputs.append(self.head(jnp.concatenate([h, context], 1)))
        return jnp.stack(outputs, 1)


CAUSES = {
    "": set(),
    "no tanh": {"activation-missing"},
    "axis": {"softmax-axis"},
    "no mask": {"attention-mask-missing"},
    "inverted": {"attention-bool-mask-inverted"},
    "padding": {"mask-other-index"},
    "order": {"concat-order"},
    "turned": {"rnn-keep-order"},
    "cell state": {"rnn-initial-state"},
    "late": {"position-other"},
}


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
@pytest.mark.parametrize("way", CAUSES)
def test_one_mistake_has_one_cause(way, turned):
    torch.manual_seed(0)
    models = Translator(), Port(way)
    inputs = "ids: n t = 3 6 below 5; target: n t = 3 4 below 9"
    report = compare(*(models[::-1] if turned else models), inputs, rungs=("eval",))
    told = [{cause.id for cause in c.explanation.causes} if c.explanation else None for c in report.accused()]
    assert report.agree == (not way)
    assert all(one == CAUSES[way] for one in told), report
    assert bool(told) == bool(way)


@pytest.mark.parametrize(("steps", "said"), [(2, "call 2"), (4, "calls 2, 3 and 4"), (7, "6 more calls")])
def test_a_place_in_several_calls_is_named_once(steps, said):
    report = compare(
        Translator(), Port("no tanh"), f"ids: n t = 3 6 below 5; target: n t = 3 {steps} below 9", rungs=("eval",)
    )
    assert f"also at           the same place in {said}\n" in str(report)
