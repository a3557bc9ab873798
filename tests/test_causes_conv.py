"""Convolutions whose conventions differ: both sides by torch and flax, the cause by the catalogue."""

from functools import partial

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
    pair,
    put,
    rngs,
    side,
    site,
    wide,  # noqa: F401
)
from flax import nnx

from crosscheck.causes.explain import explain


def conv(framework, image=(8, 8), channels=(3, 4), size=(3, 3), **settings):
    make = torch_conv if framework == "torch" else flax_conv
    return make(drawn(2, channels[0], *image), channels[1], size, **settings)


def torch_conv(
    x, cout, size, stride=1, padding=1, dilation=1, groups=1, mode="constant", kernel=lambda w: w, bias=True
):
    weight, rank = drawn(cout, x.shape[1] // groups, *size), len(size)
    pairs = pads(padding, x.shape[2:], size, stride, dilation)
    plain = isinstance(padding, int) and mode == "constant"
    cls = getattr(torch.nn, f"Conv{rank}d")
    module = cls(x.shape[1], cout, size, stride, padding if plain else 0, dilation, groups, bias).double()
    put(module, weight=kernel(weight), **({"bias": drawn(cout)} if bias else {}))
    names = {"edge": "replicate", "wrap": "circular"}
    seen = torch.tensor(x)
    if not plain:
        seen = torch.nn.functional.pad(seen, [p for pair in pairs[::-1] for p in pair], names.get(mode, mode))
    return Made(module(seen), side(module, "torch"), (x,), {"weight": weight, "bias": drawn(cout)})


def flax_conv(x, cout, size, stride=1, padding=1, dilation=1, groups=1, mode="constant", kernel=lambda w: w, bias=True):
    weight = drawn(cout, x.shape[1] // groups, *size)
    pairs = pads(padding, x.shape[2:], size, stride, dilation)
    given = padding if isinstance(padding, str) else pairs
    module = nnx.Conv(
        x.shape[1],
        cout,
        size,
        stride,
        padding=given if mode == "constant" else "VALID",
        kernel_dilation=dilation,
        feature_group_count=groups,
        use_bias=bias,
        rngs=rngs(),
    )
    last = partial(np.moveaxis, source=(0, 1), destination=(-1, -2))
    put(module, kernel=last(kernel(weight)), **({"bias": drawn(cout)} if bias else {}))
    seen = channels_last(x) if mode == "constant" else jnp.pad(channels_last(x), [(0, 0), *pairs, (0, 0)], mode=mode)
    own = {"kernel": last(weight), "bias": drawn(cout)}
    return Made(module(seen), side(module, "flax"), (channels_last(x),), own)


def pads(padding, image, size, stride, dilation):
    if padding == "SAME":
        totals = [max((-(-n // stride) - 1) * stride + dilation * (k - 1) + 1 - n, 0) for n, k in zip(image, size)]
        return [(total // 2, total - total // 2) for total in totals]
    if padding == "CAUSAL":
        return [(dilation * (k - 1), 0) for k in size]
    return [(padding, padding)] * len(size) if isinstance(padding, int) else list(padding)


def standardized(w):
    over = tuple(range(1, w.ndim))
    return (w - w.mean(over, keepdims=True)) / np.sqrt(w.var(over, keepdims=True) + 1e-5)


def mask_b(w):
    rows, columns = np.indices(w.shape[2:])
    return w * (3 * rows + columns <= 4)


def by_place(groups, w):
    return w.reshape(groups, -1, *w.shape[1:]).swapaxes(0, 1).reshape(w.shape)


SEQUENCE = {"image": (11,), "size": (3,)}
FAULTS = {
    "same-stride": ("conv-same-stride2", {"stride": 2}, {"padding": "SAME"}),
    "same-stride-stem": ("conv-same-stride2", {"stride": 2, "size": (7, 7), "padding": 3}, {"padding": "SAME"}),
    "low-instead-of-high": ("conv-padding", {"size": (4, 4), "padding": "SAME"}, {"padding": ((2, 1), (2, 1))}),
    "causal": ("conv-causal-padding", SEQUENCE, {"padding": "CAUSAL"}),
    "causal-dilated": ("conv-causal-padding", SEQUENCE | {"dilation": 2, "padding": 2}, {"padding": "CAUSAL"}),
    "reflect": ("conv-padding-mode", {}, {"mode": "reflect"}),
    "replicate": ("conv-padding-mode", {}, {"mode": "edge"}),
    "circular": ("conv-padding-mode", {}, {"mode": "wrap"}),
    "stride": ("conv-stride", {"image": (3, 3), "stride": 2, "padding": 0}, {"stride": 3}),
    "flipped": ("numpy-convolve-flips-kernel", {}, {"kernel": lambda w: w[:, :, ::-1, ::-1].copy()}),
    "flipped-1d": ("numpy-convolve-flips-kernel", SEQUENCE, {"kernel": lambda w: w[:, :, ::-1].copy()}),
    "hw-swap": ("conv-kernel-hw-swap", {}, {"kernel": lambda w: w.swapaxes(2, 3)}),
    "io-swap": ("conv-kernel-layout", {"channels": (4, 4)}, {"kernel": lambda w: w.swapaxes(0, 1)}),
    "reshaped": (
        "conv-kernel-reshaped",
        {},
        {"kernel": lambda w: np.moveaxis(w.reshape(3, 3, 3, 4), (-1, -2), (0, 1))},
    ),
    "reshaped-back": (
        "conv-kernel-reshaped",
        {},
        {"kernel": lambda w: np.moveaxis(w, (0, 1), (-1, -2)).reshape(w.shape)},
    ),
    "multiplier": ("conv-grouped-layout", {"channels": (3, 6), "groups": 3}, {"kernel": partial(by_place, 3)}),
    "no-bias": ("conv-bias-missing", {}, {"bias": False}),
    "standardized": ("conv-weight-standardization", {}, {"kernel": standardized}),
    "equalized": ("dense-equalized-scale", {}, {"kernel": lambda w: w * (2 / w[0].size) ** 0.5}),
    "masked": ("conv-masked-kernel", {}, {"kernel": mask_b}),
}


@both_ways
@pytest.mark.parametrize(("cause_id", "sound", "fault"), FAULTS.values(), ids=FAULTS)
def test_named(cause_id, sound, fault, framework, faulty):
    if "stride" in fault:
        sound = {"image": (4, 4), "stride": 2, "padding": 0, "size": (2, 2)}
    first, second = pair(conv, sound, fault, framework, faulty)
    check(explain(site(first, second, back=images_back(framework))), cause_id, faulty)


@both_ways
def test_dilation(framework, faulty):
    sound, fault = {"image": (9, 9), "padding": 1}, {"padding": 2, "dilation": 2}
    first, second = pair(conv, sound, fault, framework, faulty)
    found = explain(site(first, second, back=images_back(framework)))
    assert {cause.id for cause in found.causes} == {"conv-dilation", "conv-padding"}


@both_ways
def test_two_at_once(framework, faulty):
    first, second = pair(conv, {"stride": 2}, {"padding": "SAME", "bias": False}, framework, faulty)
    found = explain(site(first, second, back=images_back(framework)))
    assert {cause.id for cause in found.causes} == {"conv-same-stride2", "conv-bias-missing"}


SIZES = {
    "padding": ("conv-default-padding", {"padding": "SAME"}, {"padding": 0}),
    "stride": ("conv-stride", {"padding": 0}, {"stride": 2}),
    "dilation": ("conv-dilation", {"padding": 0}, {"dilation": 2}),
}


@both_ways
@pytest.mark.parametrize(("cause_id", "sound", "fault"), SIZES.values(), ids=SIZES)
def test_outputs_of_other_sizes(cause_id, sound, fault, framework, faulty):
    first, second = pair(conv, sound, fault, framework, faulty)
    found = explain(site(first, second, back=images_back(framework)))
    check(found, cause_id, faulty)


OUTSIDE = {
    "one-weight": {"kernel": lambda w: w + 0.1 * (np.arange(w.size).reshape(w.shape) == 7)},
    "scaled": {"kernel": lambda w: 1.01 * w},
    "one-channel": {"kernel": lambda w: w * np.where(np.arange(len(w)) == 2, 0, 1).reshape(-1, 1, 1, 1)},
    "rolled": {"kernel": lambda w: np.roll(w, 1, 0)},
}


@both_ways
@pytest.mark.parametrize("fault", OUTSIDE.values(), ids=OUTSIDE)
@pytest.mark.parametrize("sound", [{}, {"stride": 2}, {"channels": (4, 8), "groups": 4}], ids=["1", "2", "groups"])
def test_nothing_is_claimed_of_other_faults(sound, fault, framework, faulty):
    first, second = pair(conv, sound, fault, framework, faulty)
    assert not claims(site(first, second, back=images_back(framework)))
