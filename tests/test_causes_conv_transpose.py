"""Transposed convolutions whose conventions differ: both sides by torch and flax or lax, the cause by the catalogue."""

from functools import partial

import jax
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
from crosscheck.causes.site import Side


def deconv(framework, image=(5, 5), channels=(3, 4), size=(3, 3), **settings):
    make = torch_deconv if framework == "torch" else flax_deconv
    return make(drawn(2, channels[0], *image), channels[1], size, **settings)


def same_crop(k, s):
    """Of lax's SAME: cropped before, and in all."""
    before = k - 1 if s > k - 1 else -(-(k + s - 2) // 2)
    return k - 1 - before, k - s


def torch_deconv(x, cout, size, stride=2, padding=1, more=0, dilation=1, groups=1, kernel=lambda w: w, bias=True):
    """padding: what is cropped on both ends, or SAME; more: torch's output padding."""
    weight, rank = drawn(x.shape[1], cout // groups, *size), len(size)
    numbers = padding if isinstance(padding, int) else 0
    cls = getattr(torch.nn, f"ConvTranspose{rank}d")
    module = cls(x.shape[1], cout, size, stride, numbers, more, groups, bias, dilation).double()
    put(module, weight=kernel(weight), **({"bias": drawn(cout)} if bias else {}))
    y = module(torch.tensor(x))
    if padding == "SAME":
        for axis, (k, n) in enumerate(zip(size, x.shape[2:]), start=2):
            y = y.narrow(axis, same_crop(k, stride)[0], n * stride)
    return Made(y, side(module, "torch"), (x,), {"weight": weight, "bias": drawn(cout)})


def flax_deconv(x, cout, size, stride=2, padding=1, more=0, dilation=1, groups=1, kernel=lambda w: w, bias=True):
    weight, rank = drawn(x.shape[1], cout // groups, *size), len(size)
    if padding != "SAME":
        low = [dilation * (k - 1) - padding for k in size]
        padding = [(p, p + more) for p in low]
    if groups > 1:
        return lax_grouped(x, weight, cout, stride, padding, groups, kernel)
    module = nnx.ConvTranspose(
        x.shape[1], cout, size, stride, padding=padding, kernel_dilation=dilation, use_bias=bias, rngs=rngs()
    )
    put(module, kernel=turned(kernel(weight)), **({"bias": drawn(cout)} if bias else {}))
    own = {"kernel": turned(weight), "bias": drawn(cout)}
    assert rank == weight.ndim - 2
    return Made(module(channels_last(x)), side(module, "flax"), (channels_last(x),), own)


def lax_grouped(x, weight, cout, stride, padding, groups, kernel):
    def grouped(w):
        g, (kh, kw) = groups, w.shape[2:]
        split = w.reshape(g, -1, cout // g, kh, kw).transpose(3, 4, 1, 0, 2)
        return split.reshape(kh, kw, -1, cout)[::-1, ::-1]

    y = jax.lax.conv_general_dilated(
        channels_last(x),
        grouped(kernel(weight)),
        (1, 1),
        padding,
        lhs_dilation=(stride, stride),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )
    own = {"kernel": grouped(weight), "bias": drawn(cout)}
    config = {"feature_group_count": groups, "strides": stride}
    return Made(y + drawn(cout), Side("flax.nnx", "ConvTranspose", config), (channels_last(x),), own)


def turned(w):
    """The stamped kernel as flax has it."""
    return np.flip(np.moveaxis(w, (0, 1), (-2, -1)), tuple(range(w.ndim - 2))).copy()


def by_place(groups, w):
    return w.reshape(groups, -1, *w.shape[1:]).swapaxes(0, 1).reshape(w.shape)


FAULTS = {
    "flipped": ("convtranspose-kernel-flip", {}, {"kernel": lambda w: w[:, :, ::-1, ::-1].copy()}),
    "flipped-1d": (
        "convtranspose-kernel-flip",
        {"image": (6,), "size": (4,)},
        {"kernel": lambda w: w[:, :, ::-1].copy()},
    ),
    "same": ("convtranspose-same", {"padding": 1, "more": 1}, {"padding": "SAME", "more": 0}),
    "crop": ("convtranspose-padding-meaning", {"size": (5, 5), "stride": 3, "padding": 1}, {"padding": 2, "more": 2}),
    "hw-swap": ("conv-kernel-hw-swap", {}, {"kernel": lambda w: w.swapaxes(2, 3)}),
    "io-swap": ("conv-kernel-layout", {"channels": (4, 4)}, {"kernel": lambda w: w.swapaxes(0, 1)}),
    "no-bias": ("conv-bias-missing", {}, {"bias": False}),
    "groups": ("convtranspose-groups", {"channels": (6, 4), "groups": 2}, {"kernel": partial(by_place, 2)}),
    "equalized": ("dense-equalized-scale", {}, {"kernel": lambda w: w * (1 / 27) ** 0.5}),
}


@both_ways
@pytest.mark.parametrize(("cause_id", "sound", "fault"), FAULTS.values(), ids=FAULTS)
def test_named(cause_id, sound, fault, framework, faulty):
    first, second = pair(deconv, sound, fault, framework, faulty)
    check(explain(site(first, second, back=images_back(framework))), cause_id, faulty)


SIZES = {
    "stride": ("convtranspose-stride", {"padding": 0}, {"stride": 3}),
    "dilation": ("convtranspose-dilation", {"padding": 0}, {"dilation": 2}),
}


@both_ways
@pytest.mark.parametrize(("cause_id", "sound", "fault"), SIZES.values(), ids=SIZES)
def test_outputs_of_other_sizes(cause_id, sound, fault, framework, faulty):
    first, second = pair(deconv, sound, fault, framework, faulty)
    check(explain(site(first, second, back=images_back(framework))), cause_id, faulty)


OUTSIDE = {
    "one-weight": {"kernel": lambda w: w + 0.1 * (np.arange(w.size).reshape(w.shape) == 7)},
    "scaled": {"kernel": lambda w: 1.01 * w},
    "rolled": {"kernel": lambda w: np.roll(w, 1, 2)},
}


@both_ways
@pytest.mark.parametrize("fault", OUTSIDE.values(), ids=OUTSIDE)
def test_nothing_is_claimed_of_other_faults(fault, framework, faulty):
    first, second = pair(deconv, {}, fault, framework, faulty)
    assert not claims(site(first, second, back=images_back(framework)))


def test_a_kernel_that_flax_transposes_itself():
    """transpose_kernel=True takes [*k cout cin] and stamps it as it is."""
    x, weight, b = drawn(2, 3, 5, 5), drawn(3, 4, 3, 3), drawn(4)
    sound = torch_deconv(x, 4, (3, 3), padding=0)
    modules = [
        nnx.ConvTranspose(3, 4, (3, 3), 2, padding="VALID", transpose_kernel=how, rngs=rngs()) for how in (True, False)
    ]
    put(modules[0], kernel=np.moveaxis(weight, (0, 1), (-1, -2)), bias=b)
    put(modules[1], kernel=np.moveaxis(weight, (0, 1), (-2, -1)), bias=b)
    right, wrong = (
        Made(m(channels_last(x)), side(m, "flax"), (channels_last(x),), {"kernel": m.kernel[...], "bias": b})
        for m in modules
    )
    np.testing.assert_allclose(images_back("torch")(right.y), sound.y.detach().numpy(), rtol=1e-12, atol=1e-12)
    check(explain(site(sound, wrong, back=images_back("torch"))), "convtranspose-kernel-flip", 1)
    found = explain(site(right, sound_but_flipped(x, weight), back=images_back("flax")))
    check(found, "convtranspose-kernel-flip", 1)


def sound_but_flipped(x, weight):
    return torch_deconv(x, 4, (3, 3), padding=0, kernel=lambda w: w[:, :, ::-1, ::-1].copy())
