"""Faults that look like others: the cause that is named is the one that was planted, or none is."""

import jax.numpy as jnp
import pytest
import torch
from flax import nnx
from torch import nn

from crosscheck.twins.compare import compare

IMAGES = "x: n c h w | n h w c = 4 3 8 8"


def causes(first, second, inputs, rung="eval"):
    """Those of the first divergence."""
    report = compare(first, second, inputs, rungs=(rung,))
    assert not report.agree
    found = report.accused()[0].explanation
    return [cause.id for cause in found.causes] if found else []


class Normed(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.dense = nn.LayerNorm(8), nn.Linear(8, 8)

    def forward(self, x):
        return x + self.dense(self.norm(x))


class Unnormed(nnx.Module):
    """Its norm is made and never called."""

    def __init__(self):
        rngs = nnx.Rngs(0)
        self.norm, self.dense = nnx.LayerNorm(8, epsilon=1e-5, rngs=rngs), nnx.Linear(8, 8, rngs=rngs)

    def __call__(self, x):
        return x + self.dense(x)


def test_a_norm_that_is_not_called_is_missing_and_not_elsewhere():
    assert causes(Normed(), Unnormed(), "x: n c = 4 8") == ["layer-missing"]


class Dropping(nnx.Module):
    def __init__(self, rate):
        rngs = nnx.Rngs(0)
        self.a, self.b = nnx.Linear(16, 32, rngs=rngs), nnx.Linear(32, 8, rngs=rngs)
        self.dropout = nnx.Dropout(rate, rngs=rngs)

    def __call__(self, x):
        return self.b(self.dropout(nnx.silu(self.a(x))))


def test_dropouts_of_two_rates_both_drop():
    model = nn.Sequential(nn.Linear(16, 32), nn.SiLU(), nn.Dropout(0.1), nn.Linear(32, 8))
    assert causes(model, Dropping(0.2), "x: n t c = 3 8 16", "train") == ["dropout-rate"]


class Reflected(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.a, self.b = (nnx.Conv(n, m, (3, 3), padding="VALID", rngs=rngs) for n, m in ((3, 6), (6, 3)))

    def __call__(self, x):
        return self.b(reflected(self.a(reflected(x))))


def reflected(x):
    return jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")


def test_the_largest_value_of_a_reflected_image_bounds_nothing():
    """Here it is there more than once."""
    padded = [layer for n, m in ((3, 6), (6, 3)) for layer in (nn.ReflectionPad2d(1), nn.Conv2d(n, m, 3), nn.ReLU())]
    assert causes(nn.Sequential(*padded[:-1]), Reflected(), "x: n c h w | n h w c = 2 3 8 8") == ["activation-missing"]


class Spread(nn.Module):
    """The standard deviation over the examples as one more channel."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 5, 3), nn.Conv2d(6, 4, 3)

    def forward(self, x):
        x = self.a(x)
        std = x.std(0, correction=0).mean()
        return self.b(torch.cat([x, std.expand(len(x), 1, *x.shape[2:])], dim=1))


class SpreadPort(nnx.Module):
    def __init__(self, ddof):
        rngs = nnx.Rngs(0)
        self.a, self.b = (nnx.Conv(n, m, (3, 3), padding="VALID", rngs=rngs) for n, m in ((3, 5), (6, 4)))
        self.ddof = ddof

    def __call__(self, x):
        x = self.a(x)
        std = x.std(0, ddof=self.ddof).mean()
        return self.b(jnp.concatenate([x, jnp.broadcast_to(std, (*x.shape[:3], 1))], axis=-1))


def test_a_channel_of_one_number_is_neither_mask_nor_padding():
    assert compare(Spread(), SpreadPort(0), IMAGES, rungs=("eval",)).agree
    assert not {*causes(Spread(), SpreadPort(1), IMAGES)} & {"mask-fill-value", "pad-value", "pad-mode-names"}


class TorchHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.out = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x):
        return self.out(torch.tanh(self.hidden(x)))


class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.cls, self.box = TorchHead(), TorchHead()

    def forward(self, x, y, z):
        return *map(self.cls, (x, y, z)), *map(self.box, (x, y, z))


class Head(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.hidden, self.out = (nnx.Linear(8, 8, rngs=rngs) for _ in range(2))

    def __call__(self, x):
        return self.out(jnp.tanh(self.hidden(x)))


class HeadsPort(nnx.Module):
    """Of one head it has others for all levels but the first."""

    def __init__(self):
        self.box, self.cls, self.cls2 = Head(), Head(), nnx.List([Head(), Head()])

    def __call__(self, x, y, z):
        return self.cls(x), self.cls2[0](y), self.cls2[1](z), *map(self.box, (x, y, z))


def test_where_one_model_has_more_names_tell_what_is_whose():
    report = compare(Heads(), HeadsPort(), "x: n c = 2 8; y: n c = 3 8; z: n c = 4 8", rungs=("eval",))
    links = report.document()["pairing"]["links"]
    owners = {tuple(link[side]["path"].partition(".")[0] for side in ("first", "second")) for link in links}
    assert owners == {("box", "box"), ("cls", "cls")}
    assert not report.agree


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_a_projection_of_attention_apart_from_the_others_is_a_matrix_of_torch(turned):
    class Across(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, kdim=6, vdim=6, batch_first=True)
            self.ahead, self.behind = nn.Linear(5, 8), nn.Linear(8, 3)

        def forward(self, x, z):
            return self.behind(self.attention(self.ahead(x), z, z, need_weights=False)[0])

    class Port(nnx.Module):
        def __init__(self):
            sizes = {"ahead": (5, 8), "q": (8, 8), "k": (6, 8), "v": (6, 8), "out": (8, 8), "behind": (8, 3)}
            for name, shape in sizes.items():
                setattr(self, name, nnx.Linear(*shape, rngs=nnx.Rngs(0)))

        def __call__(self, x, z):
            x = self.ahead(x)
            q, k, v = (a.reshape(*a.shape[:2], 2, 4) for a in (self.q(x), self.k(z), self.v(z)))
            return self.behind(self.out(nnx.dot_product_attention(q, k, v).reshape(x.shape)))

    models = (Port(), Across()) if turned else (Across(), Port())
    assert compare(*models, "x: n l c = 2 4 5; z: n t e = 2 7 6", rungs=("eval",)).agree
