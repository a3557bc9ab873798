"""Sites at which a fault is planted: both sides are made by the frameworks themselves, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import torch

from crosscheck.causes.catalogue import load
from crosscheck.causes.explain import explain
from crosscheck.causes.site import Side, Site

CAUSES = load()


def by_torch(function, *arrays):
    return function(*(torch.from_numpy(np.array(x)) for x in arrays)).detach().numpy()


def by_jax(function, *arrays):
    with jax.enable_x64(True):
        return np.asarray(function(*(jnp.asarray(x) for x in arrays)))


def sites(one, other, *arrays, target="value", configs=({}, {}), **more):
    """The site where torch does one thing and JAX the other, and the same with the two exchanged."""
    a, b = by_torch(one, *arrays), by_jax(other, *arrays)
    torch_side, jax_side = Side("torch", "", configs[0]), Side("flax.nnx", "", configs[1])
    forward = Site(target, a, b, arrays, (torch_side, jax_side), **more)
    return forward, Site(target, b, a, arrays, (jax_side, torch_side), **more)


def named(site):
    """The ids of the causes that are claimed."""
    found = explain(site)
    return [cause.id for cause in found.causes] if found else []


def assert_named(expected, one, other, *arrays, **more):
    """Both ways round the cause is named, first and alone, and it explains the whole difference."""
    for site in sites(one, other, *arrays, **more):
        found = explain(site)
        assert found is not None, f"{expected} is not named"
        assert [cause.id for cause in found.causes] == [expected], str(found)
        assert found.before > 1e-12 > found.after / max(found.before, 1e-300) * 1e-4, str(found)


def assert_nothing_claimed(one, other, *arrays, **more):
    for site in sites(one, other, *arrays, **more):
        found = explain(site)
        assert found is None, f"claimed {found}"


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)
