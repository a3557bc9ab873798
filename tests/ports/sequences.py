"""Sequence models: an encoder of transformer layers, a small GPT, an LSTM tagger, a GRU with attention."""

from functools import partial

import jax
import jax.numpy as jnp
import torch
import torch.nn.functional as F
from flax import nnx
from torch import nn

from tests.ports.port import Mistake, Port, change, images, rngs, tokens


class Encoder(nn.Module):
    def __init__(self, c=16):
        super().__init__()
        self.tok, self.pos = nn.Embedding(19, c), nn.Embedding(12, c)
        self.layers = nn.ModuleList(
            [nn.TransformerEncoderLayer(c, 4, 24, 0.0, "gelu", batch_first=True) for _ in range(2)]
        )
        self.norm = nn.LayerNorm(c)

    def forward(self, ids):
        x = self.tok(ids) + self.pos(torch.arange(ids.shape[1]))
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)


class Attend(nnx.Module):
    def __init__(self, c, heads, rngs):
        make = partial(nnx.Linear, c, c, rngs=rngs)
        self.q, self.k, self.v, self.out = make(), make(), make(), make()
        self.heads, self.divisor, self.softmax = heads, (c // heads) ** 0.5, partial(jax.nn.softmax, axis=-1)
        self.causal = False

    def __call__(self, x):
        def split(y):
            return y.reshape(*y.shape[:2], self.heads, -1).transpose(0, 2, 1, 3)

        q, k, v = split(self.q(x)), split(self.k(x)), split(self.v(x))
        scores = q @ k.swapaxes(-1, -2) / self.divisor
        if self.causal:
            t = x.shape[1]
            scores = jnp.where(jnp.tril(jnp.ones((t, t), bool)), scores, -jnp.inf)
        y = self.softmax(scores) @ v
        return self.out(y.transpose(0, 2, 1, 3).reshape(x.shape))


class EncoderCell(nnx.Module):
    def __init__(self, c, rngs):
        self.look, self.after_look = Attend(c, 4, rngs), nnx.LayerNorm(c, epsilon=1e-5, rngs=rngs)
        self.wide, self.narrow = nnx.Linear(c, 24, rngs=rngs), nnx.Linear(24, c, rngs=rngs)
        self.after = nnx.LayerNorm(c, epsilon=1e-5, rngs=rngs)
        self.act, self.skip, self.norm_first = partial(jax.nn.gelu, approximate=False), True, False

    def __call__(self, x):
        if self.norm_first:
            x = x + self.look(self.after_look(x))
            return x + self.narrow(self.act(self.wide(self.after(x))))
        x = self.after_look(x + self.look(x) if self.skip else self.look(x))
        return self.after(x + self.narrow(self.act(self.wide(x))))


class EncoderPort(nnx.Module):
    def __init__(self, rngs, c=16):
        self.words, self.places = nnx.Embed(19, c, rngs=rngs), nnx.Embed(12, c, rngs=rngs)
        self.cells = nnx.List([EncoderCell(c, rngs) for _ in range(2)])
        self.last = nnx.LayerNorm(c, epsilon=1e-5, rngs=rngs)
        self.factor, self.first = 1.0, 0

    def __call__(self, ids):
        x = self.words(ids) * self.factor + self.places(jnp.arange(ids.shape[1]) + self.first)
        for cell in self.cells:
            x = cell(x)
        return self.last(x)


ENCODER = Port(
    "encoder",
    Encoder,
    lambda: EncoderPort(rngs()),
    lambda: {"ids": tokens(19, 3, 9)},
    (
        Mistake("gelu by tanh", change("cells.0", act=jax.nn.gelu), ["layers.0"], ["gelu-tanh-default"]),
        Mistake("relu for gelu", change("cells.1", act=jax.nn.relu), ["layers.1"], ["activation-other"]),
        Mistake("scores not scaled", change("cells.0.look", divisor=1.0), ["layers.0.self_attn"], ["attention-scale"]),
        Mistake(
            "scaled by the whole width",
            change("cells.1.look", divisor=4.0),
            ["layers.1.self_attn"],
            ["attention-scale"],
        ),
        Mistake(
            "softmax over queries",
            change("cells.1.look", softmax=partial(jax.nn.softmax, axis=-2)),
            ["layers.1.self_attn"],
            ["attention-softmax-axis"],
        ),
        Mistake("causal", change("cells.0.look", causal=True), ["layers.0.self_attn"], ["attention-causal-missing"]),
        Mistake("eps", change("cells.0.after", epsilon=1e-6), ["layers.0.norm2"], ["layernorm-eps"]),
        Mistake("no skip", change("cells.1", skip=False), ["layers.1"], ["residual-missing"]),
        Mistake("embedding scaled", change("", factor=4.0), [""], ["scale-sqrt-width", "embedding-scale"]),
        Mistake("places from 1", change("", first=1), [""], ["index-offset"]),
        Mistake("norm first", change("cells.0", norm_first=True), ["layers.0"], ["norm-before-or-after"]),
        Mistake(
            "a made-up softmax", change("cells.0.look", softmax=lambda s: jnp.tanh(s) + 0.1), ["layers.0.self_attn"]
        ),
    ),
)


class Conv1D(nn.Module):
    """GPT-2's dense layer, its weight [cin cout]."""

    def __init__(self, c_in, c):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(c_in, c) * 0.2), nn.Parameter(torch.zeros(c))

    def forward(self, x):
        return x @ self.weight + self.bias


class GptBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(c), nn.LayerNorm(c)
        self.c_attn, self.c_proj = Conv1D(c, 3 * c), Conv1D(c, c)
        self.c_fc, self.c_out = Conv1D(c, 4 * c), Conv1D(4 * c, c)

    def forward(self, x):
        q, k, v = (
            y.view(*y.shape[:2], 2, -1).transpose(1, 2) for y in self.c_attn(self.ln_1(x)).split(x.shape[-1], -1)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.c_proj(y.transpose(1, 2).reshape(x.shape))
        return x + self.c_out(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self, c=12):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(17, c), nn.Embedding(10, c)
        self.h = nn.ModuleList([GptBlock(c), GptBlock(c)])
        self.ln_f = nn.LayerNorm(c)
        self.lm_head = nn.Linear(c, 17, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, ids):
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


class Decoder(nnx.Module):
    def __init__(self, c, rngs):
        self.norm1, self.norm2 = (nnx.LayerNorm(c, epsilon=1e-5, rngs=rngs) for _ in range(2))
        self.attention = Attend(c, 2, rngs)
        self.attention.causal = True
        self.up, self.down = nnx.Linear(c, 4 * c, rngs=rngs), nnx.Linear(4 * c, c, rngs=rngs)
        self.act, self.skip = jax.nn.gelu, True

    def __call__(self, x):
        x = x + self.attention(self.norm1(x))
        y = self.down(self.act(self.up(self.norm2(x))))
        return x + y if self.skip else y


class GptPort(nnx.Module):
    def __init__(self, rngs, c=12):
        self.embed, self.position = nnx.Embed(17, c, rngs=rngs), nnx.Param(0.02 * jnp.ones((10, c)))
        self.stack = nnx.List([Decoder(c, rngs), Decoder(c, rngs)])
        self.final = nnx.LayerNorm(c, epsilon=1e-5, rngs=rngs)
        self.temperature = 1.0

    def __call__(self, ids):
        x = self.embed(ids) + self.position[: ids.shape[1]]
        for part in self.stack:
            x = part(x)
        return self.embed.attend(self.final(x)) * self.temperature


GPT = Port(
    "gpt",
    Gpt,
    lambda: GptPort(rngs()),
    lambda: {"ids": tokens(17, 2, 7)},
    (
        Mistake(
            "exact gelu", change("stack.0", act=partial(jax.nn.gelu, approximate=False)), ["h.0"], ["gelu-tanh-default"]
        ),
        Mistake(
            "not causal",
            change("stack.1.attention", causal=False),
            ["h.1", "h.1.c_attn", "h.1.c_proj"],
            ["attention-causal-missing"],
        ),
        Mistake("scores not scaled", change("stack.0.attention", divisor=1.0), ["h.0"], ["attention-scale"]),
        Mistake("eps", change("stack.1.norm2", epsilon=1e-6), ["h.1.ln_2"], ["layernorm-eps"]),
        Mistake("no skip", change("stack.0", skip=False), ["h.0"], ["residual-missing"]),
        Mistake("logits scaled", change("", temperature=0.5), [""], ["scale-constant"]),
        Mistake("a made-up activation", change("stack.1", act=lambda x: jnp.cos(x)), ["h.1"]),
    ),
)


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(15, 6)
        self.lstm = nn.LSTM(6, 5, batch_first=True)
        self.mid = nn.Linear(5, 8)
        self.out = nn.Linear(8, 4)

    def forward(self, ids):
        h, _ = self.lstm(self.emb(ids))
        return self.out(torch.tanh(self.mid(h)))


class TaggerPort(nnx.Module):
    def __init__(self, rngs):
        self.table = nnx.Embed(15, 6, rngs=rngs)
        self.read = nnx.RNN(nnx.OptimizedLSTMCell(6, 5, rngs=rngs))
        self.hidden, self.tags = nnx.Linear(5, 8, rngs=rngs), nnx.Linear(8, 4, rngs=rngs)
        self.act = jnp.tanh

    def __call__(self, ids):
        return self.tags(self.act(self.hidden(self.read(self.table(ids)))))


TAGGER = Port(
    "tagger",
    Tagger,
    lambda: TaggerPort(rngs()),
    lambda: {"ids": tokens(15, 3, 7)},
    (
        Mistake("read backwards", change("read", reverse=True, keep_order=True), ["lstm"], ["rnn-reverse"]),
        Mistake("sigmoid for tanh", change("read.cell", activation_fn=jax.nn.sigmoid), ["lstm"], ["rnn-nonlinearity"]),
        Mistake("hard gates", change("read.cell", gate_fn=jax.nn.hard_sigmoid), ["lstm"], ["rnn-hard-sigmoid"]),
        Mistake("relu for tanh", change("", act=jax.nn.relu), [""], ["activation-other"]),
        Mistake("a made-up cell", change("read.cell", activation_fn=lambda x: jnp.sin(2 * x)), ["lstm"]),
    ),
)


class Reader(nn.Module):
    """A GRU cell by cell, and attention over its states."""

    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(4, 6)
        self.score = nn.Linear(6, 1)
        self.out = nn.Linear(6, 3)

    def forward(self, x):
        h, states = torch.zeros(x.shape[0], 6, dtype=x.dtype), []
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
            states.append(h)
        states = torch.stack(states, 1)
        weights = torch.softmax(self.score(states), 1)
        return self.out((weights * states).sum(1)), weights.squeeze(-1)


class ReaderPort(nnx.Module):
    def __init__(self, rngs):
        self.step = nnx.GRUCell(4, 6, rngs=rngs)
        self.energy, self.answer = nnx.Linear(6, 1, rngs=rngs), nnx.Linear(6, 3, rngs=rngs)
        self.axis, self.start, self.mean = 1, 0.0, False

    def __call__(self, x):
        h, states = jnp.full((x.shape[0], 6), self.start, x.dtype), []
        for t in range(x.shape[1]):
            h, _ = self.step(h, x[:, t])
            states.append(h)
        states = jnp.stack(states, 1)
        weights = jax.nn.softmax(self.energy(states), self.axis)
        found = (weights * states).mean(1) if self.mean else (weights * states).sum(1)
        return self.answer(found), weights[..., 0]


READER = Port(
    "reader",
    Reader,
    lambda: ReaderPort(rngs()),
    lambda: {"x": images(3, 5, 4)},
    (
        Mistake("softmax over the batch", change("", axis=0), [""], ["softmax-axis"]),
        Mistake("softmax over one score", change("", axis=-1), [""], ["softmax-axis"]),
        Mistake("starts at one", change("", start=1.0), [""], ["rnn-initial-state"]),
        Mistake("mean for sum", change("", mean=True), [""], ["scale-count"]),
        Mistake("a made-up gate", change("step", gate_fn=lambda x: jnp.cos(x) ** 2), ["cell"]),
    ),
)

PORTS = (ENCODER, GPT, TAGGER, READER)
