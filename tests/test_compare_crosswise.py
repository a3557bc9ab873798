"""Sound pairs whose parameters fit crosswise too: blocks of attention, cells by hand, images that may be turned."""

import jax
import jax.numpy as jnp
import pytest
import torch
import torch.nn.functional as F
from flax import nnx
from torch import nn

from crosscheck.twins.compare import compare

ORDERS = pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])


def agree(first, second, turned, inputs):
    return compare(*((second, first) if turned else (first, second)), inputs, rungs=("eval",)).agree


class Attending(nn.Module):
    """A torch module with attentions of given names."""

    def __init__(self, n, heads, *names):
        super().__init__()
        for name in names:
            setattr(self, name, nn.MultiheadAttention(n, heads, batch_first=True))

    def forward(self, name, x, z):
        return x + getattr(self, name)(x, z, z)[0]


class Attentions(nn.Module):
    """An encoder's, a decoder's, and one across: defined in the order of use, which is not the alphabet's."""

    def __init__(self, n, heads):
        super().__init__()
        self.enc, self.dec = Attending(n, heads, "self_attn"), Attending(n, heads, "self_attn", "cross")

    def forward(self, x):
        z = self.enc("self_attn", x, x)
        return self.dec("cross", self.dec("self_attn", x, x), z)


class Attention(nnx.Module):
    def __init__(self, n, heads):
        rngs = nnx.Rngs(0)
        self.query, self.key, self.value, self.out = (nnx.Linear(n, n, rngs=rngs) for _ in range(4))
        self.heads = heads

    def __call__(self, x, z):
        q, k, v = (
            f(a).reshape(*a.shape[:2], self.heads, -1) for f, a in ((self.query, x), (self.key, z), (self.value, z))
        )
        weights = nnx.softmax(jnp.einsum("nqhd,nkhd->nhqk", q, k) / q.shape[-1] ** 0.5, axis=-1)
        return self.out(jnp.einsum("nhqk,nkhd->nqhd", weights, v).reshape(x.shape))


class Side(nnx.Module):
    def __init__(self, **parts):
        for name, part in parts.items():
            setattr(self, name, part)


class AttentionsPort(nnx.Module):
    def __init__(self, n, heads):
        self.enc = Side(a=Attention(n, heads))
        self.dec = Side(a=Attention(n, heads), c=Attention(n, heads))

    def __call__(self, x):
        z = x + self.enc.a(x, x)
        x = x + self.dec.a(x, x)
        return x + self.dec.c(x, z)


@ORDERS
def test_a_pack_goes_to_the_attention_that_is_used_when_it_is(turned):
    assert agree(Attentions(16, 4), AttentionsPort(16, 4), turned, "x: n t c = 2 5 16")


class Layer(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.rnn, self.fc = nn.LSTM(n, n, bidirectional=True, batch_first=True), nn.Linear(2 * n, 3)

    def forward(self, x):
        return self.fc(self.rnn(x)[0])


class Cell(nnx.Module):
    """Its layers have the names that are given, the one for the input first, and are called within a scan."""

    def __init__(self, n, names):
        rngs = nnx.Rngs(0)
        self.names = names
        for name in names:
            setattr(self, name, nnx.Linear(n, 4 * n, rngs=rngs))

    def __call__(self, x):
        of_input, of_state = (getattr(self, name) for name in self.names)

        def step(carry, x_t):
            h, c = carry
            i, f, g, o = jnp.split(of_input(x_t) + of_state(h), 4, axis=-1)
            c = nnx.sigmoid(f) * c + nnx.sigmoid(i) * jnp.tanh(g)
            h = nnx.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        zeros = jnp.zeros((len(x), x.shape[2]), x.dtype)
        return jax.lax.scan(step, (zeros, zeros), x.swapaxes(0, 1))[1].swapaxes(0, 1)


class LayerPort(nnx.Module):
    def __init__(self, n, names):
        self.forwards, self.backwards = Cell(n, names), Cell(n, names)
        self.fc = nnx.Linear(2 * n, 3, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return self.fc(jnp.concatenate([self.forwards(x), self.backwards(x[:, ::-1])[:, ::-1]], axis=-1))


@pytest.mark.parametrize("names", [("ih", "hh"), ("wx", "wh"), ("Wx", "Uh"), ("x2h", "h2h"), ("input", "hidden")])
def test_what_takes_the_input_of_a_cell_does_not_take_its_state(names):
    assert agree(Layer(5), LayerPort(5, names), False, "x: n t c = 3 6 5")


class Modulated(nn.Module):
    """A convolution whose channels are scaled, so that its kernel is a parameter of its own."""

    def __init__(self, c):
        super().__init__()
        self.weight, self.affine = nn.Parameter(torch.randn(c, c, 3, 3)), nn.Linear(8, c)

    def forward(self, x, w):
        n, c, height, width = x.shape
        kernels = (self.weight * self.affine(w)[:, None, :, None, None]).reshape(n * c, c, 3, 3)
        return F.conv2d(x.reshape(1, n * c, height, width), kernels, padding=1, groups=n).reshape(x.shape)


class Learned(nn.Module):
    """An image that is learned, whose rows could be its columns."""

    def __init__(self, c):
        super().__init__()
        self.const, self.first, self.rgb = nn.Parameter(torch.randn(1, c, 4, 4)), Modulated(c), nn.Conv2d(c, 3, 1)

    def forward(self, w):
        return self.rgb(F.leaky_relu(self.first(self.const.expand(len(w), -1, -1, -1), w), 0.2))


class ModulatedPort(nnx.Module):
    def __init__(self, c):
        self.kernel, self.affine = nnx.Param(jnp.ones((3, 3, c, c))), nnx.Linear(8, c, rngs=nnx.Rngs(0))

    def __call__(self, x, w):
        def convolved(image, scales):
            axes = ("NHWC", "HWIO", "NHWC")
            kernel = self.kernel[...] * scales[:, None]
            return jax.lax.conv_general_dilated(image[None], kernel, (1, 1), "SAME", dimension_numbers=axes)[0]

        return jax.vmap(convolved)(x, self.affine(w))


class LearnedPort(nnx.Module):
    def __init__(self, c):
        self.const, self.first = nnx.Param(jnp.ones((1, 4, 4, c))), ModulatedPort(c)
        self.rgb = nnx.Conv(c, 3, (1, 1), rngs=nnx.Rngs(0))

    def __call__(self, w):
        image = jnp.broadcast_to(self.const[...], (len(w), *self.const.shape[1:]))
        return self.rgb(nnx.leaky_relu(self.first(image, w), 0.2))


@ORDERS
@pytest.mark.parametrize("c", [2, 6])
def test_layouts_that_only_go_together_are_taken_together(c, turned):
    """With fewer channels than pixels what is likeliest is wrong."""
    assert agree(Learned(c), LearnedPort(c), turned, "w: n c = 2 8")
