"""Sites whose two sides are made by the frameworks' own layers, for the tests of the catalogue of causes."""

from dataclasses import dataclass, field
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

from crosscheck.causes.catalogue import load
from crosscheck.causes.explain import explain
from crosscheck.causes.site import Side, Site
from crosscheck.models.model import plain

WAYS = [("torch", 0), ("torch", 1), ("flax", 0), ("flax", 1)]
"""Which framework comes first, and which side has the fault."""
both_ways = pytest.mark.parametrize(("framework", "faulty"), WAYS, ids=[f"{f}-first-fault-in-{n + 1}" for f, n in WAYS])


@dataclass
class Made:
    """What one layer made, and what it is. weights and inputs as the layer has them."""

    y: np.ndarray
    side: Side
    inputs: tuple
    weights: dict = field(default_factory=dict)
    buffers: dict = field(default_factory=dict)


def numpy(value):
    return value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def side(module, framework, kind=""):
    config = {name: value for name, value in vars(module).items() if name[0] != "_" and plain(value)} if module else {}
    return Side("torch" if framework == "torch" else "flax.nnx", kind or type(module).__name__, config)


def site(first, second, target="output", back=lambda y: y, **more):
    """`back` brings what the second made to the first's layout."""
    weights, buffers = ({name: numpy(v) for name, v in own.items()} for own in (first.weights, first.buffers))
    more = {"weights": weights, "buffers": buffers} | more
    sides = first.side, second.side
    return Site(target, numpy(first.y), back(numpy(second.y)), tuple(map(numpy, first.inputs)), sides, **more)


def pair(make, sound, fault, framework, faulty):
    """One layer in either framework, one of them with the fault; `make(framework, **settings)` gives a Made."""
    other = "flax" if framework == "torch" else "torch"
    return [make(name, **(sound | fault if i == faulty else sound)) for i, name in enumerate((framework, other))]


def named(found):
    return [cause.id for cause in found.causes] if found else []


def check(found, cause_id, faulty, departs=True):
    """One cause, the right one, on the right side, explaining everything."""
    assert named(found) == [cause_id]
    assert found.before > 1e-8
    assert found.after < 1e-9
    if departs:
        assert found.departs in ("neither", "both", ("first", "second")[faulty])


def torch_module(cls, *args, **settings):
    return cls(*args, **settings).double()


def put(module, **values):
    """Sets parameters of a torch or nnx module."""
    for name, value in values.items():
        part = module
        *owners, last = name.split("__")
        for owner in owners:
            part = getattr(part, owner)
        if isinstance(part, torch.nn.Module):
            getattr(part, last).data = torch.tensor(value)
        else:
            getattr(part, last).set_value(jnp.asarray(value))
    return module


@cache
def drawn(*shape):
    """The same numbers for the same shape."""
    return np.random.default_rng(shape).standard_normal(shape)


def channels_last(x):
    return np.moveaxis(x, 1, -1)


def channels_second(x):
    return np.moveaxis(x, -1, 1)


def images_back(framework):
    """From the other framework's layout of images to this one's."""
    return channels_second if framework == "torch" else channels_last


def rngs():
    return nnx.Rngs(0)


@pytest.fixture(autouse=True, scope="session")
def catalogue():
    load()


@pytest.fixture(autouse=True)
def wide():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def claims(a_site):
    return named(explain(a_site))
