"""Pools whose conventions differ: both sides by torch and flax, the cause by the catalogue."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from causes_sites import (
    Made,
    both_ways,
    catalogue,  # noqa: F401
    channels_last,
    check,
    claims,
    drawn,
    images_back,
    numpy,
    pair,
    side,
    site,
    wide,  # noqa: F401
)
from flax import nnx

from crosscheck.causes.explain import explain
from crosscheck.causes.site import Side

F = torch.nn.functional


def pool(
    framework, image=(8, 8), kind="max", k=3, stride=2, padding=1, ceil=False, fill=None, count=True, functional=False
):
    """padding: a number, pairs or SAME; fill: by hand ahead of the pool; count: whether padding counts."""
    x = drawn(2, 3, *image) - 2
    rank = len(image)
    if framework == "torch":
        module, y = torch_pool(torch.tensor(x), rank, kind, k, stride, padding, ceil, fill, count)
        config = {} if functional else side(module, "torch").config
        return Made(y, Side("torch", "", config), (x,))
    y = flax_pool(channels_last(x), rank, kind, k, stride, padding, ceil, fill, count)
    return Made(y, Side("flax.nnx", "", {}), (channels_last(x),))


def same(n, k, s):
    total = max((-(-n // s) - 1) * s + k - n, 0)
    return total // 2, total - total // 2


def torch_pool(x, rank, kind, k, stride, padding, ceil, fill, count):
    number = padding if isinstance(padding, int) and fill is None else 0
    more = {"count_include_pad": count} if kind == "avg" else {}
    module = getattr(torch.nn, f"{kind.title()}Pool{rank}d")(k, stride, number, ceil_mode=ceil, **more)
    if not isinstance(padding, int) or fill is not None:
        by_hand = [(padding, padding)] * rank if isinstance(padding, int) else padding
        ends = [same(n, k, stride) for n in x.shape[2:]] if padding == "SAME" else by_hand
        value = fill if fill is not None else -float("inf") if kind == "max" else 0.0
        x = F.pad(x, [p for pair in ends[::-1] for p in pair], value=value)
    return module, module(x)


def flax_pool(x, rank, kind, k, stride, padding, ceil, fill, count):
    ends = [(padding, padding)] * rank if isinstance(padding, int) else padding
    if ceil:
        ends = [(padding, padding + (stride - (n + 2 * padding - k) % stride) % stride) for n in x.shape[1:-1]]
    if fill is not None:
        x, ends = jnp.pad(x, [(0, 0), *ends, (0, 0)], constant_values=fill), "VALID"
    more = {"count_include_pad": count} if kind == "avg" else {}
    return getattr(nnx, f"{kind}_pool")(x, (k,) * rank, (stride,) * rank, ends, **more)


MEAN = {"kind": "avg"}
FAULTS = {
    "same": ("maxpool-same-vs-pad1", {}, {"padding": "SAME"}),
    "same-mean": ("maxpool-same-vs-pad1", MEAN, {"padding": "SAME"}),
    "same-1d": ("maxpool-same-vs-pad1", {"image": (10,)}, {"padding": "SAME"}),
    "sides": ("pool-padding", {"image": (9, 9)}, {"padding": ((2, 0), (2, 0))}),
    "zeros": ("maxpool-zero-padding", {}, {"fill": 0.0}),
    "mean": ("max-for-mean-pooling", {}, {"kind": "avg"}),
    "window": ("pool-window", {"image": (9, 9), "padding": 0}, {"k": 2}),
    "count": ("avgpool-count-include-pad", MEAN, {"count": False}),
    "stride": ("pool-default-stride", {"image": (5, 5), "k": 2, "padding": 0}, {"stride": 3}),
}


@both_ways
@pytest.mark.parametrize("functional", [False, True], ids=["module", "function"])
@pytest.mark.parametrize(("cause_id", "sound", "fault"), FAULTS.values(), ids=FAULTS)
def test_named(cause_id, sound, fault, functional, framework, faulty):
    first, second = pair(pool, sound | {"functional": functional}, fault, framework, faulty)
    found = explain(site(first, second, "value", back=images_back(framework)))
    check(found, cause_id, faulty, departs=False)


@pytest.mark.parametrize("framework", ["torch", "flax"])
def test_the_last_window_over_the_end(framework):
    """torch's ceil_mode without padding has as many windows as flax has with one pixel around."""
    mine = pool("torch", (7, 7), k=2, padding=0, ceil=True)
    theirs = pool("flax", (7, 7), k=2, padding=1)
    first, second = (mine, theirs) if framework == "torch" else (theirs, mine)
    found = explain(site(first, second, "value", back=images_back(framework)))
    check(found, "maxpool-ceil-mode", 0, departs=False)


def test_the_divisor_at_the_end():
    """torch's ceil_mode does not count what is beyond the padding; flax's explicit padding does."""
    settings = {"kind": "avg", "image": (8, 8), "k": 3, "stride": 2, "padding": 0, "ceil": True}
    for framework, faulty in (("torch", 1), ("flax", 0)):
        first, second = pair(pool, settings, {}, framework, faulty)
        check(explain(site(first, second, "value", back=images_back(framework))), "avgpool-ceil-mode-divisor", faulty)


@pytest.mark.parametrize("framework", ["torch", "flax"])
def test_adaptive_bins(framework):
    x = drawn(2, 3, 8, 8)
    mine = Made(numpy(F.adaptive_avg_pool2d(torch.tensor(x), 3)), Side("torch"), (x,))
    theirs = Made(nnx.avg_pool(channels_last(x), (4, 4), (2, 2), "VALID"), Side("flax.nnx"), (channels_last(x),))
    first, second = (mine, theirs) if framework == "torch" else (theirs, mine)
    found = explain(site(first, second, "value", back=images_back(framework)))
    check(found, "adaptive-avgpool-bins", int(framework == "flax"))


@both_ways
def test_after_an_activation_and_ahead_of_a_dense_layer(framework, faulty):
    """relu, pool, flatten in one stretch of wiring."""

    def make(name, padding):
        x = drawn(2, 3, 8, 8)
        if name == "torch":
            module, y = torch_pool(torch.tensor(x).relu(), 2, "max", 3, 2, padding, False, None, True)
            return Made(y.flatten(1), side(module, "torch", " "), (x,))
        y = flax_pool(jnp.maximum(channels_last(x), 0), 2, "max", 3, 2, padding, False, None, True)
        return Made(y.reshape(2, -1), Side("flax.nnx"), (channels_last(x),))

    def back(y):
        image = y.reshape(2, 4, 4, 3) if framework == "torch" else y.reshape(2, 3, 4, 4)
        return images_back(framework)(image).reshape(2, -1)

    first, second = pair(make, {"padding": 1}, {"padding": "SAME"}, framework, faulty)
    check(explain(site(first, second, "value", back=back)), "maxpool-same-vs-pad1", faulty)


X, MASK = drawn(3, 6, 4), np.arange(6) < np.array([[6], [4], [3]])


@pytest.mark.parametrize("turned", [False, True])
def test_the_last_position_of_a_padded_sequence(turned):
    mine = Made(torch.tensor(X)[:, -1], Side("torch"), (MASK, X))
    theirs = Made(jnp.asarray(X)[jnp.arange(3), MASK.sum(1) - 1], Side("flax.nnx"), (MASK, X))
    first, second = (theirs, mine) if turned else (mine, theirs)
    check(explain(site(first, second, "value")), "last-token-padding", 0)


OUTSIDE = {"one": lambda y: y + 0.1 * (np.arange(y.size).reshape(y.shape) == 3)} | {
    "softened": lambda y: y * (1 + 0.01 * np.tanh(y))
}


@both_ways
@pytest.mark.parametrize("change", OUTSIDE.values(), ids=OUTSIDE)
@pytest.mark.parametrize("kind", ["max", "avg"])
def test_nothing_is_claimed_of_other_faults(kind, change, framework, faulty):
    first, second = pair(pool, {"kind": kind}, {}, framework, faulty)
    side_ = second if faulty else first
    side_.y = change(numpy(side_.y))
    assert not claims(site(first, second, "value", back=images_back(framework)))
