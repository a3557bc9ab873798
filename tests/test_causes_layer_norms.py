"""Layer and RMS norms whose conventions differ: both sides by torch and flax, the cause by the catalogue."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from causes_sites import (
    Made,
    both_ways,
    catalogue,  # noqa: F401
    check,
    claims,
    drawn,
    pair,
    put,
    rngs,
    side,
    site,
    wide,  # noqa: F401
)
from flax import nnx

from crosscheck.causes.explain import explain

SHAPE = (2, 5, 6)
SMALL = 0.01 * np.array([1, 1e-4]).reshape(2, 1, 1)
"""So small that every eps can be told, and the second example smaller than that."""


def norm(framework, rms=False, axes=1, **settings):
    scale, bias = 1 + 0.3 * drawn(*SHAPE[-axes:]), drawn(7, *SHAPE[-axes:])[0]
    own = {"weight" if framework == "torch" else "scale": scale} | ({} if rms else {"bias": bias})
    made = (torch_norm if framework == "torch" else flax_norm)(SMALL * drawn(*SHAPE), scale, bias, rms, **settings)
    made.weights = own
    return made


def torch_norm(x, scale, bias, rms, eps=1e-5, by_hand=None, change=lambda s: s, scaled=True, biased=True):
    given = dict(zip(("weight", "bias"), (change(scale), bias)[: 1 if rms else 2]))
    on = {"elementwise_affine": scaled} | ({} if rms else {"bias": biased})
    module = (torch.nn.RMSNorm if rms else torch.nn.LayerNorm)(scale.shape, eps, **on).double()
    put(module, **{name: value for name, value in given.items() if (name == "weight" or biased) and scaled})
    if not by_hand:
        return Made(module(torch.tensor(x)), side(module, "torch"), (x,))
    scale, bias = torch.tensor(change(scale)), torch.tensor(bias)
    return Made(by_hand(torch.tensor(x), torch, -1) * scale + (0 if rms else bias), side(module, "torch"), (x,))


def flax_norm(x, scale, bias, rms, eps=1e-5, by_hand=None, change=lambda s: s, scaled=True, biased=True):
    over = tuple(range(-scale.ndim, 0))
    on = {"use_scale": scaled} | ({} if rms else {"use_bias": biased and scaled})
    cls = nnx.RMSNorm if rms else nnx.LayerNorm
    axes = {"reduction_axes": over, "feature_axes": over, "epsilon": eps or 2.0**-52, "use_fast_variance": False}
    module = cls(scale.shape[-1], **axes, **on, rngs=rngs())
    given = dict(zip(("scale", "bias"), (change(scale), bias)[: 1 if rms else 2]))
    put(module, **{name: value for name, value in given.items() if (name == "scale" or biased) and scaled})
    y = by_hand(jnp.asarray(x), jnp, -1) * change(scale) + (0 if rms else bias) if by_hand else module(x)
    return Made(y, side(module, "flax"), (x,))


def spread(x, lib, axis, correction=0):
    return x.std(axis, correction=correction)[..., None] if lib is torch else x.std(axis, ddof=correction)[..., None]


def outside(x, lib, axis):
    return (x - x.mean(axis)[..., None]) / (spread(x, lib, axis) + 1e-5)


def unbiased(x, lib, axis):
    """As the Annotated Transformer has it, with eps in the root."""
    return (x - x.mean(axis)[..., None]) / lib.sqrt(spread(x, lib, axis, 1) ** 2 + 1e-5)


def floored(x, lib, axis):
    rms = lib.sqrt((x**2).mean(axis))[..., None]
    return x / (rms.clamp(min=1e-5) if lib is torch else lib.maximum(rms, 1e-5))


def summed(x, lib, axis):
    return x / lib.sqrt((x**2).sum(axis)[..., None] + 1e-5)


def centered(x, lib, axis):
    x = x - x.mean(axis)[..., None]
    return x / lib.sqrt((x**2).mean(axis)[..., None] + 1e-5)


def both_axes(x, lib, axis):
    flat = x.reshape(len(x), -1)
    return centered(flat, lib, -1).reshape(x.shape)


RMS = {"rms": True}
FAULTS = {
    "eps": ("layernorm-eps", {}, {"eps": 1e-6}),
    "eps-of-bert": ("layernorm-eps", {}, {"eps": 1e-12}),
    "eps-of-rms": ("rmsnorm-eps", RMS, {"eps": 1e-6}),
    "machine-eps": ("rmsnorm-eps", RMS, {"eps": None}),
    "gemma": ("norm-plus-one-scale", RMS, {"change": lambda s: 1 + s}),
    "no-bias": ("layernorm-no-scale-or-bias", {}, {"biased": False}),
    "no-scale": ("layernorm-no-scale-or-bias", RMS, {"scaled": False}),
    "outside": ("norm-eps-outside-root", {}, {"by_hand": outside}),
    "unbiased": ("norm-unbiased-variance", {}, {"by_hand": unbiased}),
    "floor": ("norm-eps-floor", RMS, {"by_hand": floored}),
    "sum": ("rmsnorm-sum-of-squares", RMS, {"by_hand": summed}),
    "centered": ("rmsnorm-for-layernorm", RMS, {"by_hand": centered}),
    "axes": ("layernorm-multi-axis", {}, {"by_hand": both_axes}),
    "last-axis-alone": ("layernorm-multi-axis", {"axes": 2}, {"by_hand": centered}),
}


@both_ways
@pytest.mark.parametrize(("cause_id", "sound", "fault"), FAULTS.values(), ids=FAULTS)
def test_named(cause_id, sound, fault, framework, faulty):
    first, second = pair(norm, sound, fault, framework, faulty)
    check(explain(site(first, second)), cause_id, faulty)


@both_ways
def test_two_at_once(framework, faulty):
    first, second = pair(norm, {}, {"eps": 1e-6, "biased": False}, framework, faulty)
    assert set(claims(site(first, second))) == {"layernorm-eps", "layernorm-no-scale-or-bias"}


def test_channels_of_images():
    """A norm over the channels of n c h w against one over the last axis, whose size is the same."""
    x, scale, bias = drawn(2, 4, 3, 4), drawn(4), drawn(5)[:4]
    module = put(torch.nn.LayerNorm(4).double(), weight=scale, bias=bias)
    last = Made(module(torch.tensor(x)), side(module, "torch"), (x,), {"weight": scale, "bias": bias})
    channels = Made(module(torch.tensor(x).movedim(1, -1)).movedim(-1, 1), side(module, "torch"), (x,), last.weights)
    check(explain(site(channels, last)), "layernorm-multi-axis", 1)


OUTSIDE = {
    "scaled": {"change": lambda s: 1.01 * s},
    "one-scale": {"change": lambda s: s + 0.1 * (np.arange(s.size).reshape(s.shape) == 2)},
    "cube": {"by_hand": lambda x, lib, axis: centered(x, lib, axis) ** 3},
}


@both_ways
@pytest.mark.parametrize("fault", OUTSIDE.values(), ids=OUTSIDE)
@pytest.mark.parametrize("rms", [False, True])
def test_nothing_is_claimed_of_other_faults(rms, fault, framework, faulty):
    first, second = pair(norm, {"rms": rms}, fault, framework, faulty)
    assert not claims(site(first, second))
