"""Attention whose scores have a bias: what differs is named, wherever the bias comes from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from torch import nn

from crosscheck.causes.score_terms import masks, score_biases
from crosscheck.causes.site import Side, Site
from crosscheck.twins.compare import compare

D, HEADS, T = 8, 2, 7
INDEX = np.arange(T)[:, None] - np.arange(T) + T - 1
WINDOWS = np.triu(np.full((2, T, T), -100.0, np.float32), 3) * [[[0]], [[1]]]


class Attention(nn.Module):
    """kind: a "parameter" [h t t], a "table" of distances at an index, or an "embedding" of distances."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.qkv, self.proj = kind, nn.Linear(D, 3 * D), nn.Linear(D, D)
        self.register_buffer("index", torch.from_numpy(INDEX))
        if kind == "embedding":
            self.distances = nn.Embedding(2 * T - 1, HEADS)
        else:
            self.own = nn.Parameter(torch.randn((HEADS, T, T) if kind == "parameter" else (2 * T - 1, HEADS)))

    def forward(self, x, mask):
        n, t, _ = x.shape
        if self.kind == "parameter":
            bias = self.own
        else:
            bias = (self.distances(self.index) if self.kind == "embedding" else self.own[self.index]).permute(2, 0, 1)
        q, k, v = self.qkv(x).reshape(n, t, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.mT * (D // HEADS) ** -0.5 + bias + mask.repeat(n // len(mask), 1, 1)[:, None]
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, D))


class Port(nnx.Module):
    """fault: what is done otherwise."""

    def __init__(self, kind, fault=""):
        rngs = nnx.Rngs(0)
        self.kind, self.fault = kind, fault
        self.qkv, self.proj = nnx.Linear(D, 3 * D, rngs=rngs), nnx.Linear(D, D, rngs=rngs)
        if kind == "embedding":
            self.distances = nnx.Embed(2 * T - 1, HEADS, rngs=rngs)
        else:
            self.own = nnx.Param(jnp.ones((HEADS, T, T) if kind == "parameter" else (2 * T - 1, HEADS)))

    def __call__(self, x, mask):
        n, t, _ = x.shape
        if self.kind == "parameter":
            bias = self.own[...]
        else:
            bias = jnp.moveaxis(self.distances(INDEX) if self.kind == "embedding" else self.own[INDEX], -1, 0)
        bias = {"turned": bias.mT, "unused": 0 * bias}.get(self.fault, bias)
        q, k, v = jnp.moveaxis(self.qkv(x).reshape(n, t, 3, HEADS, -1), (2, 3), (0, 2))
        scores = q @ k.mT * (1 if self.fault == "scale" else (D // HEADS) ** -0.5) + bias
        if self.fault != "mask":
            scores = scores + jnp.tile(mask, (n // len(mask), 1, 1))[:, None]
        weights = jax.nn.softmax(scores, axis=-2 if self.fault == "axis" else -1)
        return self.proj((weights @ v).swapaxes(1, 2).reshape(n, t, D))


FAULTS = {
    "turned": "attention-score-bias",
    "unused": "attention-score-bias",
    "scale": "attention-scale",
    "axis": "attention-softmax-axis",
    "mask": "attention-mask-missing",
}


@pytest.mark.parametrize("kind", ["parameter", "table", "embedding"])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_differs_is_named(fault, kind):
    x = np.random.default_rng(0).standard_normal((4, T, D)).astype(np.float32)
    inputs = {"x": x, "mask": WINDOWS.astype(np.float32)}
    report = compare(Attention(kind), Port(kind, fault), inputs, rungs=("eval",))
    assert FAULTS[fault] in [cause.id for cause in report.culprits[0].explanation.causes]


@pytest.mark.parametrize("kind", ["parameter", "table", "embedding"])
def test_sound_ones_agree(kind):
    x = np.random.default_rng(0).standard_normal((4, T, D)).astype(np.float32)
    inputs = {"x": x, "mask": WINDOWS.astype(np.float32)}
    assert compare(Attention(kind), Port(kind), inputs, rungs=("eval",)).agree


def site(inputs=(), weights=None, buffers=None):
    value = np.zeros((2, 3, 4))
    return Site("value", value, value, tuple(inputs), (Side("torch"), Side("jax")), weights or {}, buffers or {})


@pytest.mark.parametrize(
    ("inputs", "weights", "buffers", "found"),
    [
        ([], {"rel": 2 * np.ones((5, 3, 3))}, {}, (1, 5, 3, 3)),
        ([], {"rel": 2 * np.ones((1, 5, 9, 9))}, {}, (1, 5, 3, 3)),
        ([2 * np.ones((3, 3, 5))], {}, {}, (1, 5, 3, 3)),
        ([2 * np.ones((1, 5, 3, 3))], {}, {}, (1, 5, 3, 3)),
        ([], {"table": 2 * np.ones((9, 5))}, {"index": np.arange(9)}, (1, 5, 3, 3)),
        ([], {"table": 2 * np.ones((9, 5))}, {"index": np.arange(1, 10)}, None),
        ([], {"table": 2 * np.ones((9, 5))}, {"index": np.arange(9) - 1}, None),
        ([], {"qkv.weight": 2 * np.ones((9, 5))}, {"index": np.arange(9)}, None),
        ([2 * np.ones((2, 3, 4))], {}, {}, None),
        ([-2 * np.ones((5, 3, 3))], {}, {}, None),
    ],
)
def test_where_a_bias_may_be(inputs, weights, buffers, found):
    shapes = [x.shape for x in score_biases(site(inputs, weights, buffers), 3, 3)]
    assert shapes == ([] if found is None else [found])


def test_a_mask_by_windows_is_the_same_for_every_image():
    mask = np.zeros((2, 3, 3))
    mask[1, 0] = -100
    (found,) = masks(site([mask]), 2 * np.ones((6, 3, 4)), 2 * np.ones((6, 3, 4)))
    assert found.shape == (6, 1, 3, 3)
    np.testing.assert_array_equal(found[2:4, 0], mask)
