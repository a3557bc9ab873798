"""From two whole models to the convention in which one layer departs: one call, no map."""

import jax
import jax.numpy as jnp
import pytest
import torch
import torch.nn.functional as F
from causes_sites import wide  # noqa: F401
from flax import nnx
from torch import nn

from crosscheck.twins.compare import compare

WIDE = jnp.float64


def images(torch_layer, flax_layer):
    """Two convolutions with the layer between them, the mean over all places and a dense layer."""

    class Torch(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.middle = nn.Conv2d(3, 4, 3, padding=1), torch_layer()
            self.last, self.head = nn.Conv2d(4, 5, 3, padding=1), nn.Linear(5, 3)

        def forward(self, x):
            return self.head(torch.relu(self.last(self.middle(torch.relu(self.stem(x))))).mean((2, 3)))

    class Flax(nnx.Module):
        def __init__(self):
            rngs = nnx.Rngs(0)
            self.begin, self.body = nnx.Conv(3, 4, (3, 3), rngs=rngs), flax_layer(rngs)
            self.end, self.classes = nnx.Conv(4, 5, (3, 3), rngs=rngs), nnx.Linear(5, 3, rngs=rngs)

        def __call__(self, x):
            return self.classes(nnx.relu(self.end(self.body(nnx.relu(self.begin(x))))).mean((1, 2)))

    return Torch(), Flax(), ["x: n c h w = 3 3 10 10 float32"]


def tokens(torch_layer, flax_layer, dtype=WIDE):
    """Embedded tokens, the layer, a dense layer for each position."""

    class Torch(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.middle, self.head = nn.Embedding(11, 8), torch_layer(), nn.Linear(8, 3)

        def forward(self, ids):
            return self.head(self.middle(self.table(ids)))

    class Flax(nnx.Module):
        def __init__(self):
            rngs = nnx.Rngs(0)
            self.words = nnx.Embed(11, 8, dtype=dtype, rngs=rngs)
            self.body, self.classes = flax_layer(rngs), nnx.Linear(8, 3, rngs=rngs)

        def __call__(self, ids):
            return self.classes(self.body(self.words(ids)))

    return Torch(), Flax(), [jax.numpy.asarray([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]]).__array__()]


class Turned(nnx.ConvTranspose):
    """A kernel as torch has it is stamped as it is."""

    def __call__(self, x):
        kernel = self.kernel[...]
        self.kernel.set_value(kernel[::-1, ::-1])
        y = super().__call__(x)
        self.kernel.set_value(kernel)
        return y


class PlusOne(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(8))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * (1 + self.weight)


PlusOne.__name__ = "GemmaRMSNorm"


class Scaled(nnx.Module):
    """Positions of one layout."""

    def __call__(self, x):
        angle = jnp.arange(x.shape[1])[:, None] * 1e4 ** (-jnp.arange(4) / 4)
        return x + jnp.concatenate((jnp.sin(angle), jnp.cos(angle)), -1)


class Alternating(nn.Module):
    def forward(self, x):
        angle = torch.arange(x.shape[1])[:, None] * torch.tensor(1e4, dtype=x.dtype) ** (-torch.arange(4) / 4)
        return x + torch.stack((angle.sin(), angle.cos()), -1).reshape(x.shape[1:])


class TorchAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(8, 8) for _ in range(4))
        self.num_heads = 2

    def forward(self, x):
        q, k, v = (layer(x).view(*x.shape[:2], 2, 4).transpose(1, 2) for layer in (self.q, self.k, self.v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o(y.transpose(1, 2).reshape(x.shape))


class FlaxAttention(nnx.Module):
    def __init__(self, rngs, factor=0.5, causal=True, heads_last=False):
        self.query, self.key, self.value, self.out = (nnx.Linear(8, 8, rngs=rngs) for _ in range(4))
        self.factor, self.causal, self.heads_last = factor, causal, heads_last

    def split(self, x):
        return x.reshape(*x.shape[:2], 4, 2).swapaxes(2, 3) if self.heads_last else x.reshape(*x.shape[:2], 2, 4)

    def __call__(self, x):
        q, k, v = (self.split(layer(x)) for layer in (self.query, self.key, self.value))
        scores = jnp.einsum("nthd,nshd->nhts", q, k) * self.factor
        if self.causal:
            scores = jnp.where(jnp.tril(jnp.ones(scores.shape[2:], bool)), scores, -jnp.inf)
        y = jnp.einsum("nhts,nshd->nthd", jax.nn.softmax(scores, -1), v)
        return self.out((y.swapaxes(2, 3) if self.heads_last else y).reshape(x.shape))


class TorchRecurrent(nn.Module):
    def __init__(self, cls):
        super().__init__()
        self.rnn = cls(8, 8, batch_first=True)

    def forward(self, x):
        return self.rnn(x)[0]


class OtherGates(nnx.OptimizedLSTMCell):
    """i j f o, as TensorFlow's first cell."""

    def __call__(self, carry, x):
        c, h = carry
        i, g, f, o = jnp.split(self.dense_i(x) + self.dense_h(h), 4, -1)
        c = nnx.sigmoid(f) * c + nnx.sigmoid(i) * jnp.tanh(g)
        h = nnx.sigmoid(o) * jnp.tanh(c)
        return (c, h), h


class ResetBefore(nnx.GRUCell):
    def __call__(self, h, x):
        kernel = self.dense_h.kernel[...]
        a, u = jnp.split(self.dense_i(x), 3, -1), jnp.split(self.dense_h(h), 3, -1)
        r, z = nnx.sigmoid(a[0] + u[0]), nnx.sigmoid(a[1] + u[1])
        n = jnp.tanh(a[2] + (r * h) @ kernel[:, 16:])
        h = (1 - z) * n + z * h
        return h, h


class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


class Function(nnx.Module):
    def __init__(self, function):
        self.function = function

    def __call__(self, x):
        return self.function(x)


def recurrent(cell):
    return lambda rngs: nnx.RNN(cell(8, 8, param_dtype=WIDE, rngs=rngs), rngs=rngs)


def pool(function, padding):
    return lambda rngs: Function(lambda x: function(x, (3, 3), (2, 2), padding))


ONE = ((1, 1), (1, 1))
IMAGES = {
    "conv-same-stride2": (
        lambda: nn.Conv2d(4, 4, 3, 2, 1),
        lambda rngs: nnx.Conv(4, 4, (3, 3), 2, padding="SAME", rngs=rngs),
    ),
    "conv-padding-mode": (
        lambda: nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        lambda rngs: nnx.Conv(4, 4, (3, 3), rngs=rngs),
    ),
    "conv-bias-missing": (
        lambda: nn.Conv2d(4, 4, 3, padding=1, bias=False),
        lambda rngs: nnx.Conv(4, 4, (3, 3), bias_init=nnx.initializers.normal(), rngs=rngs),
    ),
    "convtranspose-kernel-flip": (
        lambda: nn.ConvTranspose2d(4, 4, 4, 2, 1),
        lambda rngs: Turned(4, 4, (4, 4), (2, 2), rngs=rngs),
    ),
    "batchnorm-eps": (
        lambda: nn.BatchNorm2d(4),
        lambda rngs: nnx.BatchNorm(4, epsilon=1e-3, momentum=0.9, rngs=rngs),
    ),
    "groupnorm-groups": (
        lambda: nn.GroupNorm(2, 4),
        lambda rngs: nnx.GroupNorm(4, 4, epsilon=1e-5, rngs=rngs),
    ),
    "instancenorm-eps": (
        lambda: nn.InstanceNorm2d(4, eps=1e-3),
        lambda rngs: nnx.InstanceNorm(4, use_bias=False, use_scale=False, rngs=rngs),
    ),
    "maxpool-same-vs-pad1": (lambda: nn.MaxPool2d(3, 2, 1), pool(nnx.max_pool, "SAME")),
    "avgpool-count-include-pad": (
        lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False),
        pool(nnx.avg_pool, ONE),
    ),
}
TOKENS = {
    "layernorm-eps": (lambda: nn.LayerNorm(8), lambda rngs: nnx.LayerNorm(8, rngs=rngs)),
    "norm-plus-one-scale": (PlusOne, lambda rngs: nnx.RMSNorm(8, rngs=rngs)),
    "sinusoidal-interleave": (Alternating, lambda rngs: Scaled()),
    "attention-scale": (TorchAttention, lambda rngs: FlaxAttention(rngs, factor=1.0)),
    "attention-causal-missing": (TorchAttention, lambda rngs: FlaxAttention(rngs, causal=False)),
    "attention-head-interleaved": (TorchAttention, lambda rngs: FlaxAttention(rngs, heads_last=True)),
    "lstm-gate-order": (lambda: TorchRecurrent(nn.LSTM), recurrent(OtherGates)),
    "gru-reset-gate-placement": (lambda: TorchRecurrent(nn.GRU), recurrent(ResetBefore)),
}
RECURRENT = ("lstm-gate-order", "gru-reset-gate-placement")


def causes(first, second, inputs, **settings):
    report = compare(first, second, inputs, rungs=("eval",), **settings)
    assert not report.problem, report.problem
    assert not report.agree
    return [[cause.id for cause in explanation.causes] for explanation in report.causes]


@pytest.mark.parametrize("turned", [False, True], ids=["torch-first", "flax-first"])
@pytest.mark.parametrize("cause_id", [*IMAGES, *TOKENS])
def test_named(cause_id, turned):
    makers = IMAGES.get(cause_id) or TOKENS[cause_id]
    first, second, inputs = (images if cause_id in IMAGES else tokens)(*makers)
    if turned and cause_id in IMAGES:
        inputs = ["x: n h w c = 3 10 10 3 float32"]
    found = causes(*((second, first) if turned else (first, second)), inputs)
    assert found == [[cause_id]]


def test_a_recurrent_layer_that_takes_float32_alone():
    def narrow(rngs):
        return nnx.RNN(OtherGates(8, 8, rngs=rngs), rngs=rngs)

    with jax.enable_x64(False):
        assert causes(*tokens(lambda: TorchRecurrent(nn.LSTM), narrow, jnp.float32)) == [["lstm-gate-order"]]


class Perturbed(nnx.Linear):
    def __call__(self, x):
        return super().__call__(x) + 0.01 * jnp.sin(7 * x)


@pytest.mark.parametrize(
    ("torch_layer", "flax_layer"),
    [
        (lambda: nn.Linear(8, 8), lambda rngs: Perturbed(8, 8, rngs=rngs)),
        (
            lambda: nn.LayerNorm(8),
            lambda rngs: nnx.Sequential(nnx.LayerNorm(8, epsilon=1e-5, rngs=rngs), lambda x: x + 0.01 * x**3),
        ),
        (TorchAttention, lambda rngs: FlaxAttention(rngs, factor=0.4321)),
    ],
    ids=["dense", "norm", "attention"],
)
def test_nothing_is_claimed_of_other_faults(torch_layer, flax_layer):
    assert causes(*tokens(torch_layer, flax_layer)) == []
