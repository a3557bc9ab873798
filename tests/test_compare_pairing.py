"""Parameters that could be taken for one another: norms and gains, packs and heads, recurrent layers, flat images."""

import jax.numpy as jnp
import pytest
import torch
from flax import nnx
from torch import nn

from crosscheck.models.model import Leaf
from crosscheck.pairing.names import role
from crosscheck.twins.compare import compare
from crosscheck.twins.layouts import flattened

ORDERS = pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])


def told(first, second, turned, inputs):
    return compare(*((second, first) if turned else (first, second)), inputs[turned], rungs=("eval",))


class Gain(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((n,), 1e-4))

    def forward(self, x):
        return self.gamma * x


class Scaled(nn.Module):
    """Two residual branches, each with a norm ahead and a gain behind."""

    def __init__(self, n=12):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(n), nn.LayerNorm(n)
        self.ls1, self.ls2 = Gain(n), Gain(n)
        self.token, self.channel = nn.Linear(n, n), nn.Linear(n, n)

    def forward(self, x):
        x = x + self.ls1(self.token(self.norm1(x)))
        return x + self.ls2(self.channel(self.norm2(x)))


class ScaledPort(nnx.Module):
    """The gains are parameters of the block itself."""

    def __init__(self, n=12):
        rngs = nnx.Rngs(0)
        self.n1, self.n2 = (nnx.LayerNorm(n, epsilon=1e-5, rngs=rngs) for _ in range(2))
        self.tok, self.ch = (nnx.Linear(n, n, rngs=rngs) for _ in range(2))
        self.g1, self.g2 = (nnx.Param(jnp.full(n, 1e-4)) for _ in range(2))

    def __call__(self, x):
        x = x + self.g1 * self.tok(self.n1(x))
        return x + self.g2 * self.ch(self.n2(x))


@ORDERS
def test_a_gain_is_no_norms_scale(turned):
    assert told(Scaled(), ScaledPort(), turned, ["x: n t c = 2 5 12"] * 2).agree


class Attending(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.patches = nn.Conv2d(3, d, 4, 4)
        self.attn, self.head = nn.MultiheadAttention(d, heads, batch_first=True), nn.Linear(d, 3)

    def forward(self, x):
        x = self.patches(x).flatten(2).mT
        return self.head(self.attn(x, x, x, need_weights=False)[0])


class AttendingPort(nnx.Module):
    def __init__(self, d, heads):
        rngs = nnx.Rngs(0)
        self.patches = nnx.Conv(3, d, (4, 4), strides=4, padding="VALID", rngs=rngs)
        self.attn = nnx.MultiHeadAttention(heads, d, decode=False, rngs=rngs)
        self.head = nnx.Linear(d, 3, rngs=rngs)

    def __call__(self, x):
        x = self.patches(x)
        return self.head(self.attn(x.reshape(len(x), -1, x.shape[-1])))


@ORDERS
def test_a_pack_has_as_many_numbers_as_a_head_and_patches(turned):
    inputs = "x: n c h w | n h w c = 2 3 8 8", "x: n h w c | n c h w = 2 8 8 3"
    assert told(Attending(16, 4), AttendingPort(16, 4), turned, inputs).agree


class Translating(nn.Module):
    def __init__(self, layer, cell):
        super().__init__()
        self.enc, self.cell, self.out = layer(4, 6, batch_first=True), cell(9, 6), nn.Linear(6, 3)

    def forward(self, x, y):
        read, _ = self.enc(x)
        state = read[:, -1], torch.zeros_like(read[:, -1])
        outputs = []
        for t in range(y.shape[1]):
            given = torch.cat([y[:, t], read.mean(1)], -1)
            state = self.cell(given, state) if isinstance(self.cell, nn.LSTMCell) else (self.cell(given, state[0]),)
            outputs.append(self.out(state[0]))
        return torch.stack(outputs, 1)


class TranslatingPort(nnx.Module):
    def __init__(self, cell):
        rngs = nnx.Rngs(0)
        self.enc, self.cell = nnx.RNN(cell(4, 6, rngs=rngs), rngs=rngs), cell(9, 6, rngs=rngs)
        self.out = nnx.Linear(6, 3, rngs=rngs)

    def __call__(self, x, y):
        read = self.enc(x)
        state = read[:, -1]
        if isinstance(self.cell, nnx.LSTMCell):
            state = jnp.zeros_like(state), state
        outputs = []
        for t in range(y.shape[1]):
            state, made = self.cell(state, jnp.concatenate([y[:, t], read.mean(1)], -1))
            outputs.append(self.out(made))
        return jnp.stack(outputs, 1)


@ORDERS
@pytest.mark.parametrize(
    ("layer", "cell", "port"), [(nn.GRU, nn.GRUCell, nnx.GRUCell), (nn.LSTM, nn.LSTMCell, nnx.LSTMCell)]
)
def test_a_decoders_cell_is_not_the_encoders(layer, cell, port, turned):
    inputs = ["x: n t c = 3 5 4; y: n t c = 3 4 3"] * 2
    assert told(Translating(layer, cell), TranslatingPort(port), turned, inputs).agree


class Flat(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.out = nn.Conv2d(3, 8, 3), nn.Linear(8 * 4 * 4, 5)

    def forward(self, x):
        return self.out(torch.relu(self.conv(x)).flatten(1))


class FlatPort(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.conv = nnx.Conv(3, 8, (3, 3), padding="VALID", rngs=rngs)
        self.out = nnx.Linear(8 * 4 * 4, 5, rngs=rngs)

    def __call__(self, x):
        x = self.conv(x)
        return self.out((x * (x > 0)).reshape(len(x), -1))


@ORDERS
def test_flat_images_in_another_order_are_told(turned):
    report = told(Flat(), FlatPort(), turned, ("x: n c h w | n h w c = 2 3 6 6", "x: n h w c | n c h w = 2 6 6 3"))
    assert report.agree
    assert any("meets images that are flattened in another order" in note for note in report.notes)


class Timed(nn.Module):
    """Embeds a time by sines and cosines, side by side or `interleaved`, before there are images of 8 channels."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(16, 16), nn.Linear(16, 8)
        self.x, self.o = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 3, 3)

    def forward(self, x, t):
        angles = t[:, None] * 10000 ** (-torch.arange(8, dtype=x.dtype) / 8)
        time = self.b(torch.tanh(self.a(torch.cat([angles.sin(), angles.cos()], -1))))
        return self.o(torch.tanh(self.x(x) + time[:, :, None, None]))


class TimedPort(nnx.Module):
    def __init__(self, interleaved):
        rngs, self.interleaved = nnx.Rngs(0), interleaved
        self.a, self.b = nnx.Linear(16, 16, rngs=rngs), nnx.Linear(16, 8, rngs=rngs)
        self.x, self.o = (nnx.Conv(n, m, (3, 3), padding="VALID", rngs=rngs) for n, m in ((3, 8), (8, 3)))

    def __call__(self, x, t):
        angles = t[:, None] * 10000 ** (-jnp.arange(8) / 8)
        parts = jnp.sin(angles), jnp.cos(angles)
        time = jnp.stack(parts, -1).reshape(len(t), 16) if self.interleaved else jnp.concatenate(parts, -1)
        time = self.b(jnp.tanh(self.a(time)))
        return self.o(jnp.tanh(self.x(x) + time[:, None, None]))


@ORDERS
def test_what_is_no_image_was_not_flattened(turned):
    inputs = "x: n c h w | n h w c = 2 3 8 8; t: n = 2", "x: n h w c | n c h w = 2 8 8 3; t: n = 2"
    assert told(Timed(), TimedPort(False), turned, inputs).agree
    report = told(Timed(), TimedPort(True), turned, inputs)
    assert not report.agree
    assert report.first_divergence.before == "a"


def test_channels_are_where_the_framework_has_them():
    shapes = [(2, 3, 8, 8)]
    assert flattened(shapes, (2, 16), (2, 16), "last") == []
    assert [fit.pattern for fit in flattened(shapes, (2, 16), (2, 16), "first")] == [
        "m (c p) -> m (p c)",
        "m (p c) -> m (c p)",
    ]


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("in_proj_bias", (48,), "bias"),
        ("in_proj_weight", (48, 16), "weight"),
        ("bias_ih_l0", (24,), "bias"),
        ("running_var", (4,), "var"),
        ("layer_scale_1", (4,), ""),
        ("weight", (4,), "scale"),
    ],
)
def test_what_a_name_says(name, shape, expected):
    assert role(Leaf(f"block.{name}", shape, "float32", True, "")) == expected
