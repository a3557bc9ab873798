"""Tables that a model computes with: one that only one side holds, one that is an attribute, one that is wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from torch import nn

from crosscheck.models.model import Leaf
from crosscheck.twins.compare import compare
from crosscheck.twins.tables import is_table

ORDERS = pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
TEXT = "x: n t c = 2 7 8"


def told(first, second, turned, inputs=TEXT):
    return compare(*((second, first) if turned else (first, second)), inputs)


def positions(start=0):
    """[t c]: sine and cosine."""
    angles = np.arange(start, start + 16)[:, None] / 10000 ** (np.arange(0, 8, 2) / 8)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(16, 8).astype(np.float32)


class Masked(nn.Module):
    """Sums over earlier places alone, by a mask of ones and zeros; turned by frequencies."""

    def __init__(self):
        super().__init__()
        self.enter, self.leave = nn.Linear(8, 8), nn.Linear(8, 3)
        self.register_buffer("bias", torch.tril(torch.ones(16, 16)))
        self.register_buffer("frequencies", 1 / 10000 ** (torch.arange(0, 8).float() / 8), persistent=False)

    def forward(self, x):
        t = x.shape[1]
        angles = torch.arange(t, dtype=x.dtype)[:, None] * self.frequencies.to(x.dtype)
        weights = torch.zeros(t, t, dtype=x.dtype).masked_fill(self.bias[:t, :t] == 0, -torch.inf).softmax(-1)
        return self.leave(weights @ (self.enter(x) * angles.cos()))


class MaskedPort(nnx.Module):
    """The same, which makes both tables when it is called."""

    def __init__(self, base=10000.0):
        self.enter, self.leave, self.base = (*(nnx.Linear(8, n, rngs=nnx.Rngs(0)) for n in (8, 3)), base)

    def __call__(self, x):
        t = x.shape[1]
        angles = jnp.arange(t)[:, None] / self.base ** (jnp.arange(0, 8) / 8)
        weights = jax.nn.softmax(jnp.where(jnp.tril(jnp.ones((t, t))) == 1, 0.0, -jnp.inf), axis=-1)
        return self.leave(weights @ (self.enter(x) * jnp.cos(angles)))


@ORDERS
def test_a_table_that_one_side_holds_keeps_its_numbers(turned):
    report = told(Masked(), MaskedPort(), turned)
    assert report.agree
    assert any("frequencies in float32; alike to the rounding" in culprit.excused for culprit in report.culprits)
    assert not told(Masked(), MaskedPort(base=9000.0), turned).agree


class Placed(nn.Module):
    def __init__(self):
        super().__init__()
        self.enter, self.leave = nn.Linear(8, 8), nn.Linear(8, 3)
        self.register_buffer("places", torch.from_numpy(positions()))

    def forward(self, x):
        return self.leave(torch.tanh(self.enter(x) + self.places[: x.shape[1]]))


class PlacedPort(nnx.Module):
    def __init__(self, hold=nnx.Variable, start=0):
        self.enter, self.leave = (nnx.Linear(8, n, rngs=nnx.Rngs(0)) for n in (8, 3))
        self.places = hold(positions(start))

    def __call__(self, x):
        return self.leave(jnp.tanh(self.enter(x) + jnp.asarray(self.places)[: x.shape[1]]))


@ORDERS
@pytest.mark.parametrize("hold", [np.asarray, jnp.asarray], ids=["numpy", "jax"])
def test_a_table_may_be_an_attribute(hold, turned):
    assert told(Placed(), PlacedPort(hold), turned).agree
    assert told(Placed(), PlacedPort(hold, start=1), turned).first_divergence is not None


@ORDERS
def test_tables_that_are_made_otherwise_are_told(turned):
    sound, shifted = (told(Placed(), PlacedPort(start=start), turned) for start in (0, 1))
    assert sound.agree
    assert shifted.agree
    assert not any("other numbers" in note for note in sound.notes)
    assert any("places and places hold other numbers as the models were made" in note for note in shifted.notes)


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.scale, self.leave = nn.Embedding(40, 8), nn.Parameter(torch.ones(8)), nn.Linear(8, 3)

    def forward(self, ids):
        x = self.table(ids)
        return self.leave(x * torch.rsqrt((x**2).mean(-1, keepdim=True) + 1e-5) * self.scale)


class ScaledPort(nnx.Module):
    """Embed makes float32, so that epsilon stands in the program as float32's nearest number."""

    def __init__(self, epsilon=1e-5):
        rngs = nnx.Rngs(0)
        self.table, self.leave = nnx.Embed(40, 8, rngs=rngs), nnx.Linear(8, 3, rngs=rngs)
        self.scale, self.epsilon = nnx.Param(jnp.ones(8)), epsilon

    def __call__(self, ids):
        x = self.table(ids)
        return self.leave(x * jax.lax.rsqrt((x**2).mean(-1, keepdims=True) + self.epsilon) * self.scale)


@ORDERS
def test_an_epsilon_behind_an_embedding_is_what_was_written(turned):
    ids = "ids: n t = 2 7 below 40"
    assert told(Scaled(), ScaledPort(), turned, ids).agree
    assert not told(Scaled(), ScaledPort(1.001e-5), turned, ids).agree


@pytest.mark.parametrize(
    ("path", "trainable", "given", "expected"),
    [
        ("places", False, positions(), True),
        ("mask", False, np.triu(np.full((3, 3), -np.inf), 1), True),
        ("places", True, positions(), False),
        ("norm.running_var", False, np.arange(1.0, 4.0), False),
        ("norm.mean", False, np.arange(3.0), False),
        ("average", False, np.zeros(3), False),
        ("empty", False, np.zeros(0), False),
    ],
)
def test_what_a_table_is(path, trainable, given, expected):
    assert is_table(Leaf(path, given.shape, given.dtype.name, trainable, ""), given) == expected
