"""Mistakes in jax_impl/layers/conv.py, true_convolution.py and conv_transpose.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from crosscheck.faults.catalogue import Replacement, Site, rows
from crosscheck.faults.jax_faults.numbers import as_tf32

CONV, TRUE, TRANSPOSED = (
    "layers.conv.Conv",
    "layers.true_convolution.TrueConvolution",
    "layers.conv_transpose.ConvTranspose",
)
NET = Site("nets.conv_net.ConvNet", "conv2")

conv = rows("jax", "conv", where="jax_impl.layers.conv:Conv.correlate")
padding = rows("jax", "conv padding", where="jax_impl.layers.conv:pads")
transposed = rows("jax", "transposed conv", where="jax_impl.layers.conv_transpose:ConvTranspose.__call__")


def second(self: Any) -> bool:
    """Of the convolutions of the small ConvNet the second, and all layers with 5 units."""
    return int(self.out_features) in (5, 7) and int(self.in_features) in (3, 5)


def kernel(change: Callable[[Any], Any]) -> Replacement:
    """The layer with a changed kernel."""
    return lambda correlate: lambda self, x, kernel: correlate(self, x, change(kernel))


def interleaved(correlate: Any) -> Any:
    """Output channels counted with the group as the fast index."""

    def faulty(self: Any, x: Any, kernel: Any) -> Any:
        y = correlate(self, x, kernel)
        groups = self.feature_group_count
        return y.reshape(*y.shape[:3], groups, -1).swapaxes(3, 4).reshape(y.shape)

    return faulty


def by_library_default(call: Any) -> Any:
    """Flax's transposed convolution unless it is told to transpose the kernel: it does not turn it."""

    def faulty(self: Any, x: Any) -> Any:
        turned = self.kernel[...].swapaxes(2, 3)
        y = lax.conv_transpose(x, turned, self.strides, self.padding, transpose_kernel=False)
        return y + self.bias[...]

    return faulty


FAULTS = [
    conv(
        "kernel flipped",
        kernel(lambda kernel: kernel[::-1, ::-1]),
        Site(CONV),
        NET,
        only=second,
        evidence=("numpy-convolve-flips-kernel",),
    ),
    conv(
        "height and width of the kernel exchanged",
        kernel(lambda kernel: kernel.swapaxes(0, 1)),
        Site(CONV),
        evidence=("conv-kernel-hw-swap",),
    ),
    conv(
        "kernel of an out-in-height-width file read by a reshape",
        kernel(lambda kernel: kernel.transpose(3, 2, 0, 1).reshape(kernel.shape)),
        Site(CONV),
        evidence=("conv-kernel-layout",),
    ),
    conv(
        "bias dropped",
        lambda correlate: lambda self, x, kernel: correlate(self, x, kernel) - self.bias[...],
        Site(CONV),
    ),
    conv("groups interleaved", interleaved, Site(CONV + "/groups"), evidence=("conv-grouped-layout",)),
    conv(
        "input cut off from the gradient",
        lambda correlate: lambda self, x, kernel: correlate(self, jax.lax.stop_gradient(x), kernel),
        Site(CONV),
        NET,
        only=second,
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    conv(
        "operands rounded to TF32",
        lambda correlate: lambda self, x, kernel: correlate(self, as_tf32(x), as_tf32(kernel)),
        Site(CONV),
        bites="precision",
        evidence=("matmul-f32-precision-cpu",),
    ),
    conv(
        "in float32 inside a float64 net",
        lambda correlate: (
            lambda self, x, kernel: correlate(self, x.astype(jnp.float32), kernel.astype(jnp.float32)).astype(x.dtype)
        ),
        Site(CONV),
        bites="precision",
        evidence=("float64-silently-float32",),
    ),
    padding(
        "'same' at stride 2 as the library pads",
        lambda pads: lambda padding, *more: pads("same_tf" if padding == "same" else padding, *more),
        Site(CONV + "/same-stride"),
        evidence=("conv-same-stride2",),
    ),
    padding(
        "same size where none is meant, the library's default",
        lambda pads: lambda padding, *more: pads("same" if padding == "valid" else padding, *more),
        Site(CONV),
        evidence=("conv-default-padding",),
    ),
    rows("jax", "true convolution", where="jax_impl.layers.true_convolution:TrueConvolution.__call__")(
        "kernel not flipped",
        lambda call: lambda self, x: self.correlate(x, self.kernel[...]),
        Site(TRUE),
        evidence=("numpy-convolve-flips-kernel",),
    ),
    transposed(
        "kernel not turned, the library's default",
        by_library_default,
        Site(TRANSPOSED + "/padding"),
        evidence=("convtranspose-kernel-flip",),
    ),
]
