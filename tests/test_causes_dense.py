"""Dense layers whose conventions differ: both sides by torch and flax, the cause by the catalogue."""

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
    named,
    numpy,
    pair,
    put,
    rngs,
    side,
    site,
    wide,  # noqa: F401
)
from flax import nnx

from crosscheck.causes.explain import explain

X, W, B = drawn(3, 5, 6, 6), drawn(6, 6), drawn(6)


def dense(framework, weight=lambda w: w, bias=True, axis=-1):
    """weight: what becomes of the matrix [in out]; axis: along which it works."""
    used = weight(W)
    if framework == "torch":
        module = put(torch.nn.Linear(6, 6, bias=bias).double(), weight=used.T, **({"bias": B} if bias else {}))
        y = module(torch.tensor(X).movedim(axis, -1)).movedim(-1, axis)
        return Made(y, side(module, "torch"), (X,), {"weight": W.T, "bias": B})
    module = put(nnx.Linear(6, 6, use_bias=bias, rngs=rngs()), kernel=used, **({"bias": B} if bias else {}))
    y = jnp.moveaxis(module(jnp.moveaxis(X, axis, -1)), -1, axis)
    return Made(y, side(module, "flax"), (X,), {"kernel": W, "bias": B})


FAULTS = {
    "transposed": ("linear-kernel-transpose", {"weight": lambda w: w.T}),
    "bias": ("dense-bias-missing", {"bias": False}),
    "axis": ("dense-on-last-axis-vs-nchw", {"axis": 2}),
    "equalized": ("dense-equalized-scale", {"weight": lambda w: w / 6**0.5}),
}


@both_ways
@pytest.mark.parametrize(("cause_id", "fault"), FAULTS.values(), ids=FAULTS)
def test_named(cause_id, fault, framework, faulty):
    first, second = pair(dense, {}, fault, framework, faulty)
    check(explain(site(first, second)), cause_id, faulty)


@both_ways
def test_two_at_once(framework, faulty):
    first, second = pair(dense, {}, {"weight": lambda w: w.T, "bias": False}, framework, faulty)
    assert set(named(explain(site(first, second)))) == {"linear-kernel-transpose", "dense-bias-missing"}


@pytest.mark.parametrize("framework", ["torch", "flax"])
def test_a_bias_that_only_the_second_side_has(framework):
    first = dense(framework, bias=False)
    second = dense("flax" if framework == "torch" else "torch")
    own = {name: value for name, value in first.weights.items() if name != "bias"}
    found = explain(site(first, second, weights=own, theirs=second.weights))
    check(found, "dense-bias-missing", 1)


OUTSIDE = {
    "one-weight": {"weight": lambda w: w + 0.1 * (np.arange(36).reshape(6, 6) == 8)},
    "rolled": {"weight": lambda w: np.roll(w, 1, 0)},
    "scaled": {"weight": lambda w: 1.0137 * w},
}


@both_ways
@pytest.mark.parametrize("fault", OUTSIDE.values(), ids=OUTSIDE)
def test_nothing_is_claimed_of_other_faults(fault, framework, faulty):
    first, second = pair(dense, {}, fault, framework, faulty)
    assert not claims(site(first, second))


def test_nothing_is_claimed_of_an_arbitrary_function():
    first, second = dense("torch"), dense("flax")
    second.y = np.sin(numpy(second.y))
    assert not claims(site(first, second))
