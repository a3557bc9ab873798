"""Attention among the pixels of images, whose q, k and v are made by convolutions: in torch channels lie ahead of
positions. One layer for all three (guided diffusion) or one for each (latent diffusion)."""

import jax
import jax.numpy as jnp
import pytest
import torch
from einops import rearrange
from flax import nnx
from torch import nn

from crosscheck import compare

C, HEADS = 8, 2
INPUTS = {"torch": "x: n c h w = 2 8 3 4", "flax": "x: n h w c = 2 3 4 8"}


class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.qkv, self.out = nn.GroupNorm(4, C), nn.Conv1d(C, 3 * C, 1), nn.Conv1d(C, C, 1)

    def forward(self, x):
        q, k, v = (
            rearrange(part, "n (h d) t -> n h d t", h=HEADS)
            for part in self.qkv(self.norm(x).flatten(2)).chunk(3, dim=1)
        )
        scores = torch.einsum("nhdt,nhds->nhts", q, k) * (C // HEADS) ** -0.5
        y = torch.einsum("nhts,nhds->nhdt", scores.softmax(-1), v)
        return x + self.out(rearrange(y, "n h d t -> n (h d) t")).reshape(x.shape)


class Separate(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.GroupNorm(4, C)
        self.to_q, self.to_k, self.to_v, self.out = (nn.Conv2d(C, C, 1) for _ in range(4))

    def forward(self, x):
        y = self.norm(x)
        q, k, v = (layer(y).flatten(2) for layer in (self.to_q, self.to_k, self.to_v))
        weights = torch.softmax(q.transpose(1, 2) @ k * C**-0.5, -1)
        return x + self.out((v @ weights.transpose(1, 2)).reshape(x.shape))


class Net(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.enter, self.attend, self.leave = nn.Conv2d(C, C, 1), kind(), nn.Conv2d(C, 3, 1)

    def forward(self, x):
        return self.leave(self.attend(self.enter(x)))


def attended(q, k, v, way, heads):
    """q, k, v [n t (h d)]"""
    d = C // heads
    q, k, v = (rearrange(part, "n t (h d) -> n h t d", h=heads) for part in (q, k, v))
    scores = q @ k.swapaxes(2, 3) * {"scale": C**-0.5 if heads > 1 else 1.0}.get(way, d**-0.5)
    y = jax.nn.softmax(scores, -2 if way == "axis" else -1) @ v
    if way == "heads unmoved":
        return y.reshape(len(y), -1, C)
    y = rearrange(y, "n h t d -> n t (h d)")
    return rearrange(y.reshape(len(y), C, -1), "n c t -> n t c") if way == "channels unmoved" else y


class PortPacked(nnx.Module):
    def __init__(self, way, rngs):
        self.way = way
        self.norm = nnx.GroupNorm(C, 4, epsilon=1e-5, rngs=rngs)
        self.qkv, self.out = nnx.Linear(C, 3 * C, rngs=rngs), nnx.Linear(C, C, rngs=rngs)

    def __call__(self, x):
        made = self.qkv(self.norm(x).reshape(len(x), -1, C))
        if self.way == "packing":
            made = rearrange(made, "n t (h three d) -> n t (three h d)", h=HEADS, three=3)
        q, k, v = jnp.split(made, 3, axis=-1)
        q, k = (k, q) if self.way == "order" else (q, k)
        return x + self.out(attended(q, k, v, self.way, HEADS).reshape(x.shape))


class PortSeparate(nnx.Module):
    def __init__(self, way, rngs):
        self.way = way
        self.norm = nnx.GroupNorm(C, 4, epsilon=1e-5, rngs=rngs)
        self.q, self.k, self.v, self.out = (nnx.Conv(C, C, (1, 1), rngs=rngs) for _ in range(4))

    def __call__(self, x):
        y = self.norm(x)
        q, k, v = (layer(y).reshape(len(x), -1, C) for layer in (self.q, self.k, self.v))
        if self.way == "rows unmoved":
            q, k, v = (part.swapaxes(1, 2).reshape(part.shape) for part in (q, k, v))
        q, k = (k, q) if self.way == "order" else (q, k)
        return x + self.out(attended(q, k, v, self.way, 1).reshape(x.shape))


class Port(nnx.Module):
    def __init__(self, kind, way=""):
        rngs = nnx.Rngs(0)
        self.enter, self.leave = (nnx.Conv(C, n, (1, 1), rngs=rngs) for n in (C, 3))
        self.attend = kind(way, rngs)

    def __call__(self, x):
        return self.leave(self.attend(self.enter(x)))


KINDS = {"packed": (Packed, PortPacked), "separate": (Separate, PortSeparate)}
FAULTS = {
    "scale": "attention-scale",
    "axis": "attention-softmax-axis",
    "order": "attention-roles-exchanged",
    "channels unmoved": "attention-reshaped-heads",
    "heads unmoved": "attention-reshaped-heads",
    "rows unmoved": "attention-reshaped-heads",
    "packing": "attention-qkv-packing",
}
ELSEWHERE = {("separate", "heads unmoved"), ("separate", "packing"), ("packed", "rows unmoved")}
CASES = [(kind, way) for kind in KINDS for way in FAULTS if (kind, way) not in ELSEWHERE]


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
@pytest.mark.parametrize(("kind", "way"), CASES)
def test_attention_among_pixels(kind, way, turned):
    here, there = KINDS[kind]
    models = Net(here), Port(there, way)
    report = compare(*(models[::-1] if turned else models), INPUTS["flax" if turned else "torch"], rungs=("eval",))
    told = [(c.divergence.first, [cause.id for cause in c.explanation.causes]) for c in report.accused()]
    assert told == [("attend", [FAULTS[way]])], report


@pytest.mark.parametrize("kind", KINDS)
def test_the_sound_pair_agrees(kind):
    here, there = KINDS[kind]
    assert compare(Net(here), Port(there), INPUTS["torch"], rungs=("eval",)).agree
