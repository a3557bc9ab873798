"""Two towers, as CLIP has them: one inside a module of its own, the other in the whole, where a path begins as another
one ends; their sizes are such that only what lies around tells one leaf from another."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from flax import linen, nnx
from torch import nn

from crosscheck.models.open import open_model
from crosscheck.twins.compare import compare

WIDE, NARROW, T = 8, 6, 5


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm, self.attn = nn.LayerNorm(width), nn.MultiheadAttention(width, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x, mask=None):
        h = self.norm(x)
        x = x + self.attn(h, h, h, need_weights=False, attn_mask=mask)[0]
        return x + self.mlp(x)


class Visual(nn.Module):
    def __init__(self):
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.randn(T, WIDE))
        self.transformer = nn.ModuleList([Block(WIDE) for _ in range(2)])
        self.proj = nn.Parameter(torch.randn(WIDE, T))

    def forward(self, x):
        x = x + self.positional_embedding
        for block in self.transformer:
            x = block(x)
        return x[:, 0] @ self.proj


class Clip(nn.Module):
    """The narrow blocks' first matrix has as many rows as the wide blocks' packed one: 4 times 6 and 3 times 8."""

    def __init__(self):
        super().__init__()
        self.visual = Visual()
        self.transformer = nn.ModuleList([Block(NARROW) for _ in range(2)])
        self.out = nn.Linear(NARROW, T)

    def forward(self, image, text):
        mask = torch.full((T, T), -torch.inf, dtype=text.dtype).triu(1)
        for block in self.transformer:
            text = block(text, mask)
        return self.visual(image), self.out(text[:, -1])


class PortBlock(nnx.Module):
    def __init__(self, width, gelu, rngs):
        self.layer_norm = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nnx.Linear(width, width, rngs=rngs) for _ in range(4))
        self.fc1, self.fc2 = nnx.Linear(width, 4 * width, rngs=rngs), nnx.Linear(4 * width, width, rngs=rngs)
        self.gelu = gelu

    def __call__(self, x, causal=False):
        h = self.layer_norm(x)
        q, k, v = (y(h).reshape(*h.shape[:2], 2, -1) for y in (self.q_proj, self.k_proj, self.v_proj))
        scores = jnp.einsum("nthd,nshd->nhts", q, k) / q.shape[-1] ** 0.5
        seen = jnp.tril(jnp.ones(scores.shape[-2:], bool)) if causal else True
        y = jnp.einsum("nhts,nshd->nthd", nnx.softmax(jnp.where(seen, scores, -jnp.inf)), v)
        x = x + self.out_proj(y.reshape(x.shape))
        return x + self.fc2(self.gelu(self.fc1(x)))


def exact(x):
    return nnx.gelu(x, approximate=False)


class Port(nnx.Module):
    def __init__(self, gelu=exact):
        rngs = nnx.Rngs(0)
        self.vision_pos_embed = nnx.Param(jnp.ones((1, T, WIDE)))
        self.vision_layers = nnx.List([PortBlock(WIDE, exact, rngs) for _ in range(2)])
        self.visual_projection = nnx.Linear(WIDE, T, use_bias=False, rngs=rngs)
        self.text_layers = nnx.List([PortBlock(NARROW, gelu, rngs) for _ in range(2)])
        self.text_projection = nnx.Linear(NARROW, T, rngs=rngs)

    def __call__(self, image, text):
        image = image + self.vision_pos_embed[...]
        for layer in self.vision_layers:
            image = layer(image)
        for layer in self.text_layers:
            text = layer(text, causal=True)
        return self.visual_projection(image[:, 0]), self.text_projection(text[:, -1])


def compared(port, turned):
    pair = (port, Clip()) if turned else (Clip(), port)
    return compare(*pair, f"image: n t c = 3 {T} {WIDE}; text: n t c = 3 {T} {NARROW}", rungs=("eval",))


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_a_sound_port_agrees_and_every_layer_is_judged(turned):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # the mask's infinities are none of the user's concern
        report = compared(Port(), turned)
    assert report.agree
    assert not report.pairing.first_alone + report.pairing.second_alone
    assert sum(layer.judged for layer in report.layers if "transformer" in layer.first + layer.second) >= 16


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_what_is_wrong_in_the_tower_in_the_whole_is_told_of_its_blocks(turned):
    found = compared(Port(nnx.gelu), turned).accused()
    assert [[cause.id for cause in culprit.explanation.causes] for culprit in found] == [["gelu-tanh-default"]] * 2
    names = ["text_layers.0", "text_layers.1"] if turned else ["transformer.0.mlp", "transformer.1.mlp"]
    assert [culprit.divergence.first for culprit in found] in (names, [name.removesuffix(".mlp") for name in names])


def test_a_leaf_of_linen_is_placed_without_its_collection():
    module = linen.BatchNorm(use_running_average=True, name="bn")
    values = module.init(jax.random.key(0), np.ones((2, 3)))
    model = open_model((module, values), {"0": np.ones((2, 3))}, False, "first")
    assert {leaf.path: leaf.place for leaf in model.leaves} == {
        "params.scale": "scale", "params.bias": "bias", "batch_stats.mean": "mean", "batch_stats.var": "var",
    }  # fmt: skip


class Tower(nn.Module):
    """Ends in a matrix of its own, which the port has as a layer elsewhere."""

    def __init__(self, size):
        super().__init__()
        self.inner, self.proj = nn.Linear(size, 7), nn.Parameter(torch.randn(7, 6))

    def forward(self, x):
        return torch.relu(self.inner(x)) @ self.proj


class Similar(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = Tower(5), Tower(8)

    def forward(self, x, y):
        a, b = self.left(x), self.right(y)
        return 10 * F.normalize(a) @ F.normalize(b).T


class SimilarPort(nnx.Module):
    def __init__(self, axis):
        rngs, self.axis = nnx.Rngs(0), axis
        self.left, self.right = nnx.Linear(5, 7, rngs=rngs), nnx.Linear(8, 7, rngs=rngs)
        self.left_projection = nnx.Linear(7, 6, use_bias=False, rngs=rngs)
        self.right_projection = nnx.Linear(7, 6, use_bias=False, rngs=rngs)

    def __call__(self, x, y):
        a = self.left_projection(jax.nn.relu(self.left(x)))
        b = self.right_projection(jax.nn.relu(self.right(y)))
        a, b = (z / jnp.linalg.norm(z, axis=self.axis, keepdims=True) for z in (a, b))
        return 10 * a @ b.T


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_what_a_module_with_a_parameter_of_its_own_gives_is_known(turned):
    def told(axis):
        models = Similar(), SimilarPort(axis)
        return compare(*(models[::-1] if turned else models), "x: n f = 3 5; y: n g = 4 8", rungs=("eval",))

    assert told(1).agree
    assert [cause.id for c in told(0).accused() for cause in c.explanation.causes] == ["normalize-axis"]
