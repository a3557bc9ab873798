"""Images that are pooled by a function and made flat: no module gives what is flattened, and the columns lay it out in
orders of their own."""

from itertools import product

import jax
import jax.numpy as jnp
import pytest
import torch.nn.functional as F
from flax import linen, nnx
from torch import nn

from crosscheck import compare

IMAGES = {"torch": "x: n c h w = 2 3 8 8"}


class Torch(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8 * 16, 3)

    def forward(self, x):
        return self.head(F.max_pool2d(F.relu(self.conv(x)), 2).flatten(1))


class Nnx(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.conv, self.head = nnx.Conv(3, 8, (3, 3), rngs=rngs), nnx.Linear(8 * 16, 3, rngs=rngs)

    def __call__(self, x):
        return self.head(nnx.max_pool(nnx.relu(self.conv(x)), (2, 2), (2, 2)).reshape(len(x), -1))


class Linen(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.max_pool(linen.relu(linen.Conv(8, (3, 3))(x)), (2, 2), (2, 2))
        return linen.Dense(3)(x.reshape(len(x), -1))


def with_variables():
    return Linen(), Linen().init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)))


MODELS = {"torch": Torch, "nnx": Nnx, "linen": with_variables}


@pytest.mark.parametrize(("first", "second"), [pair for pair in product(MODELS, MODELS) if "torch" in pair])
def test_sound_models_agree_whichever_comes_first(first, second):
    report = compare(MODELS[first](), MODELS[second](), IMAGES.get(first, "x: n h w c = 2 8 8 3"), rungs=("eval",))
    assert report.agree, report


def test_what_is_forced_lies_in_memory_as_what_it_stands_for():
    """`view` takes no other; the first model's images have their channels last."""

    class Viewed(Torch):
        def forward(self, x):
            pooled = F.max_pool2d(F.relu(self.conv(x)), 2)
            return self.head(pooled.view(len(x), -1))

    report = compare(Nnx(), Viewed(), "x: n h w c = 2 8 8 3", rungs=("eval",))
    assert report.agree, report


class Signal(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv1d(4, 6, 3, padding=1), nn.Linear(6 * 4, 3)

    def forward(self, x):
        return self.head(F.max_pool1d(self.conv(x), 2).flatten(1))


class FlaxSignal(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.conv, self.head = nnx.Conv(4, 6, (3,), rngs=rngs), nnx.Linear(6 * 4, 3, rngs=rngs)

    def __call__(self, x):
        return self.head(nnx.max_pool(self.conv(x), (2,), (2,)).reshape(len(x), -1))


def test_signals_too():
    assert compare(Signal(), FlaxSignal(), "x: n c t | n t c = 2 4 8", rungs=("eval",)).agree
    assert compare(FlaxSignal(), Signal(), "x: n t c | n c t = 2 8 4", rungs=("eval",)).agree


def test_pixels_in_another_order_are_found():
    class Turned(Nnx):
        def __call__(self, x):
            pooled = nnx.max_pool(nnx.relu(self.conv(x)), (2, 2), (2, 2))
            return self.head(pooled.swapaxes(1, 2).reshape(len(x), -1))

    report = compare(Torch(), Turned(), IMAGES["torch"], rungs=("eval",))
    assert not report.agree
    assert report.first_divergence.before == "head"


class Inside(nn.Module):
    """Images made flat by the module that makes them, or outside."""

    def __init__(self, inside=False, act=True):
        super().__init__()
        layers = [nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 12, 3, 2, 1), *[nn.ReLU()] * act]
        self.features, self.head = nn.Sequential(*layers, *[nn.Flatten()] * inside), nn.Linear(12 * 4, 3)

    def forward(self, x):
        return self.head(self.features(x).flatten(1))


class Features(nnx.Module):
    def __init__(self, rngs, inside, act):
        self.one, self.two = (nnx.Conv(n, m, (3, 3), 2, padding=1, rngs=rngs) for n, m in ((3, 8), (8, 12)))
        self.inside, self.act = inside, act

    def __call__(self, x):
        x = self.two(nnx.relu(self.one(x)))
        x = nnx.relu(x) if self.act else x
        return x.reshape(len(x), -1) if self.inside else x


class FlaxInside(nnx.Module):
    def __init__(self, inside=False, act=True):
        rngs = nnx.Rngs(0)
        self.features, self.head = Features(rngs, inside, act), nnx.Linear(12 * 4, 3, rngs=rngs)

    def __call__(self, x):
        return self.head(self.features(x).reshape(len(x), -1))


@pytest.mark.parametrize("flax_first", [False, True])
@pytest.mark.parametrize("inside", [(False, True), (True, False), (True, True)], ids=["flax", "torch", "both"])
def test_a_missing_activation_ahead_of_the_flattening_is_placed_and_named(inside, flax_first):
    models = Inside(inside[0]), FlaxInside(inside[1], act=False)
    inputs = "x: n h w c = 3 8 8 3" if flax_first else "x: n c h w = 3 3 8 8"
    (culprit,) = compare(*(models[::-1] if flax_first else models), inputs, rungs=("eval",)).accused()
    assert culprit.divergence.first == "features"
    assert [cause.id for cause in culprit.explanation.causes] == ["activation-missing"]
