"""Attention written by hand: q, k and v by heads in flax, with as many heads as features in each; fewer for k and v."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from flax import nnx
from torch import nn

from crosscheck.twins.compare import compare

D, H, KV = 16, 4, 2


def angles(t, d):
    return np.arange(t)[:, None] * 10000.0 ** (-np.arange(0, d, 2) / d)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.wq, self.wo = (nn.Linear(D, D, bias=False) for _ in range(2))
        self.wk, self.wv = (nn.Linear(D, D * KV // H, bias=False) for _ in range(2))

    def forward(self, x):
        q, k, v = (y(x).unflatten(-1, (-1, D // H)).transpose(1, 2) for y in (self.wq, self.wk, self.wv))
        k, v = (y.repeat_interleave(H // KV, 1) for y in (k, v))
        angle = torch.tensor(angles(x.shape[1], D // H), dtype=x.dtype)
        q, k = (self.turned(y, angle.cos(), angle.sin()) for y in (q, k))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.wo(y.transpose(1, 2).flatten(2))

    @staticmethod
    def turned(x, cos, sin):
        a, b = x.chunk(2, -1)
        return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Port(nnx.Module):
    def __init__(self, how=""):
        def inward(heads):
            return nnx.LinearGeneral(D, (heads, D // H), use_bias=False, rngs=nnx.Rngs(0))

        self.q, self.k, self.v, self.how = inward(H), inward(KV), inward(KV), how
        self.o = nnx.LinearGeneral((H, D // H), D, axis=(-2, -1), use_bias=False, rngs=nnx.Rngs(0))

    def __call__(self, x):
        q, k, v = self.q(x), self.k(x), self.v(x)
        q, k = self.turned(q), k if self.how == "rope-parts" else self.turned(k)
        k, v = ((jnp.tile if self.how == "attention-kv-head-repeat" else self.each)(y, (1, 1, 2, 1)) for y in (k, v))
        scores = jnp.einsum("nthd,nshd->nhts", q, k) / (1 if self.how == "attention-scale" else (D // H) ** 0.5)
        seen = jnp.tril(jnp.ones(scores.shape[-2:], bool), 1 if self.how == "attention-causal-alignment" else 0)
        weights = jax.nn.softmax(jnp.where(seen, scores, -1e30), -1)
        return self.o(jnp.einsum("nhts,nshd->nthd", weights, v))

    @staticmethod
    def each(x, times):
        return jnp.repeat(x, times[2], 2)

    def turned(self, x):
        cos, sin = (jnp.asarray(f(angles(*x.shape[1::2]))[:, None], x.dtype) for f in (np.cos, np.sin))
        if self.how == "rope-half-vs-interleaved":
            a, b = x[..., ::2], x[..., 1::2]
            return jnp.stack((a * cos - b * sin, b * cos + a * sin), -1).reshape(x.shape)
        a, b = jnp.split(x, 2, -1)
        return jnp.concatenate((a * cos - b * sin, b * cos + a * sin), -1)


def compared(how, turned):
    pair = (Attention(), Port(how))
    return compare(*(pair[::-1] if turned else pair), "x: n t c = 2 6 16", rungs=("eval",))


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
@pytest.mark.parametrize(
    "how",
    [
        "attention-scale",
        "attention-causal-alignment",
        "attention-kv-head-repeat",
        "rope-half-vs-interleaved",
        "rope-parts",
    ],
)
def test_what_lies_between_the_layers_is_named(how, turned):
    (culprit,) = compared(how, turned).accused()
    assert [cause.id for cause in culprit.explanation.causes] == [how]


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_a_layer_that_takes_several_axes_is_known_by_its_settings_not_by_its_name(turned):
    report = compared("", turned)
    assert report.agree
    assert len(report.pairing.links) == 4
