"""Embeddings and positions that differ: both sides by torch and flax, the cause by the catalogue."""

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
from crosscheck.causes.site import Side

V, D = 9, 6
IDS = np.array([[3, 0, 5, 1], [2, 6, 0, 0]])
TABLE = drawn(V, D)


def embed(framework, ids=IDS, after=lambda y, lib: y, offset=0, table=TABLE, **settings):
    if framework == "torch":
        module = put(torch.nn.Embedding(V, D, **settings).double(), weight=table)
        y = after(module(torch.tensor(ids + offset)).detach().clone(), torch)
        return Made(y, side(module, "torch"), (ids,), {"weight": TABLE})
    module = put(nnx.Embed(V, D, dtype=jnp.float64, rngs=rngs()), embedding=table)
    y = after(module(jnp.asarray(ids + offset)), jnp)
    return Made(y, side(module, "flax"), (ids,), {"embedding": TABLE})


def without_zeros(y, lib):
    return lib.where((torch.tensor(IDS) if lib is torch else IDS)[..., None] == 0, 0.0, y)


def short(y, lib):
    norm = lib.sqrt((y**2).sum(-1))[..., None]
    return lib.where(norm > 2, y * 2 / (norm + 1e-7), y)


FAULTS = {
    "scale": ("embedding-scale", {"after": lambda y, lib: y * D**0.5}),
    "padding": ("embedding-padding-zero", {"after": without_zeros}),
    "offset": ("embedding-index-offset", {"offset": 2}),
    "norm": ("embedding-max-norm", {"after": short}),
}


@both_ways
@pytest.mark.parametrize(("cause_id", "fault"), FAULTS.values(), ids=FAULTS)
def test_rows(cause_id, fault, framework, faulty):
    first, second = pair(embed, {}, fault, framework, faulty)
    check(explain(site(first, second)), cause_id, faulty)


def test_max_norm_of_torch():
    first, second = embed("torch", max_norm=1.5), embed("flax")
    check(explain(site(first, second)), "embedding-max-norm", 0)


def test_indices_beyond_the_table():
    ids = np.where(IDS == 6, V + 2, IDS)
    first = embed("flax", ids=ids)
    second = Made(jnp.asarray(TABLE)[ids], first.side, (ids,))
    found = explain(site(first, second))
    assert [cause.id for cause in found.causes] == ["embedding-out-of-range"]


def bag(framework, mode="mean", padding=None):
    if framework == "torch":
        module = put(torch.nn.EmbeddingBag(V, D, mode=mode, padding_idx=padding).double(), weight=TABLE)
        return Made(module(torch.tensor(IDS)), side(module, "torch"), (IDS,), {"weight": TABLE})
    module = put(nnx.Embed(V, D, dtype=jnp.float64, rngs=rngs()), embedding=TABLE)
    rows = module(IDS)
    kept = jnp.ones((*IDS.shape, 1)) if padding is None else (padding != IDS)[..., None]
    total = (rows * kept).sum(1)
    y = {"sum": total, "mean": total / kept.sum(1), "max": jnp.where(kept > 0, rows, -jnp.inf).max(1)}[mode]
    return Made(y, side(module, "flax"), (IDS,), {"embedding": TABLE})


BAGS = {
    "sum": ("embeddingbag-mode", {"mode": "sum"}),
    "max": ("embeddingbag-mode", {"mode": "max"}),
    "padding": ("embeddingbag-mean-padding", {"padding": 0}),
}


@both_ways
@pytest.mark.parametrize(("cause_id", "fault"), BAGS.values(), ids=BAGS)
def test_bags(cause_id, fault, framework, faulty):
    first, second = pair(bag, {}, fault, framework, faulty)
    check(explain(site(first, second)), cause_id, faulty, departs=False)


X = drawn(2, 5, 8)


def positions(
    framework, layout="in turn", start=0, base=1e4, swapped=False, shorter=False, scale=1.0, of=None, times=1
):
    """As ports write it; `of`: numbers that become sinusoids, instead of positions that are added."""
    lib = torch if framework == "torch" else jnp
    array = torch.tensor if lib is torch else jnp.asarray
    at = lib.arange(start, start + 5, dtype=lib.float64) if of is None else array(of)
    at = at * times
    half = X.shape[-1] // 2
    angle = at[:, None] * base ** (-lib.arange(half) / (half - 1 if shorter else half))
    angle = (
        angle
        if lib is jnp
        else at[:, None] * torch.tensor(base ** (-np.arange(half) / (half - 1 if shorter else half)))
    )
    sin, cos = (lib.cos(angle), lib.sin(angle)) if swapped else (lib.sin(angle), lib.cos(angle))
    table = lib.stack((sin, cos), -1).reshape(len(at), -1) if layout == "in turn" else lib.concatenate((sin, cos), -1)
    name = "torch" if lib is torch else "flax.nnx"
    return Made(array(X) * scale + table if of is None else table, Side(name), (X if of is None else of,))


POSITIONS = {
    "layout": ("sinusoidal-interleave", {"layout": "behind"}),
    "start": ("sinusoidal-start", {"start": 1}),
    "order": ("sinusoidal-order", {"swapped": True}),
    "denominator": ("sinusoidal-denominator", {"shorter": True}),
    "base": ("sinusoidal-base", {"base": 1e3}),
    "scale": ("embedding-scale", {"scale": 8**0.5}),
    "scaled positions": ("sinusoidal-scale", {"times": 2 * np.pi}),
}


@both_ways
@pytest.mark.parametrize(("cause_id", "fault"), POSITIONS.values(), ids=POSITIONS)
def test_sinusoidal_positions(cause_id, fault, framework, faulty):
    first, second = pair(positions, {}, fault, framework, faulty)
    check(explain(site(first, second, "value")), cause_id, faulty, departs=False)


@both_ways
@pytest.mark.parametrize(
    ("cause_id", "fault"), [("sinusoidal-order", {"swapped": True}), ("sinusoidal-scale", {"times": 1e-3})]
)
def test_time_steps_of_diffusion(cause_id, fault, framework, faulty):
    sound = {"of": np.array([3.0, 250.0, 999.0]), "layout": "behind"}
    first, second = pair(positions, sound, fault, framework, faulty)
    check(explain(site(first, second, "value")), cause_id, faulty)


OUTSIDE = {"row": {"table": TABLE + 0.1 * (np.arange(V)[:, None] == 5)}, "cubed": {"after": lambda y, lib: y**3}}


@both_ways
@pytest.mark.parametrize("fault", OUTSIDE.values(), ids=OUTSIDE)
def test_nothing_is_claimed_of_other_faults(fault, framework, faulty):
    first, second = pair(embed, {}, fault, framework, faulty)
    assert not claims(site(first, second))


@both_ways
def test_nothing_is_claimed_of_other_positions(framework, faulty):
    first, second = pair(positions, {}, {"base": 1234.5}, framework, faulty)
    assert not claims(site(first, second, "value"))
