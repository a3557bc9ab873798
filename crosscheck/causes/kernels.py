"""A convolution's kernel: ways to read the same numbers, and what some layers do to it as they run.

Kernels are [cout cin/g *k] here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.options import Option

CONVERT = "https://flax.readthedocs.io/en/latest/guides/converting_and_upgrading/convert_pytorch_to_flax.html"
LAX = "https://docs.jax.dev/en/latest/_autosummary/jax.lax.conv_general_dilated.html"

cause(
    "numpy-convolve-flips-kernel",
    "conv/pool",
    "one side turns the kernel around (a convolution), the other does not (a correlation)",
    "Conv2d correlates",
    "Conv and lax.conv_general_dilated correlate; jnp.convolve and jax.scipy.signal.convolve turn the kernel around",
    "torch.flip(weight, (-2, -1))",
    "kernel[::-1, ::-1]",
    "https://numpy.org/doc/stable/reference/generated/numpy.convolve.html",
)
cause(
    "conv-kernel-hw-swap",
    "conv/pool",
    "the height and the width of the kernel are exchanged on one side",
    "weight [cout, cin, kh, kw]",
    "kernel [kh, kw, cin, cout]",
    "kernel.transpose(3, 2, 0, 1)",
    "weight.transpose(2, 3, 1, 0), not weight.T",
    CONVERT,
)
cause(
    "conv-kernel-layout",
    "conv/pool",
    "the input and output channels of the kernel are exchanged on one side",
    "weight [cout, cin, kh, kw]",
    "kernel [kh, kw, cin, cout]",
    "kernel.transpose(3, 2, 0, 1)",
    "weight.transpose(2, 3, 1, 0)",
    CONVERT,
)
cause(
    "conv-kernel-reshaped",
    "conv/pool",
    "the kernel was reshaped into the other framework's shape where its axes should have been transposed",
    "weight [cout, cin, kh, kw]",
    "kernel [kh, kw, cin, cout]",
    "kernel.transpose(3, 2, 0, 1), not reshape",
    "weight.transpose(2, 3, 1, 0), not reshape",
    CONVERT,
)
cause(
    "conv-grouped-layout",
    "conv/pool",
    "the kernels of a grouped convolution are in another order: by group first, or by place within the group first",
    "weight [cout, cin/g, kh, kw]: channel o belongs to group o // (cout/g)",
    "kernel [kh, kw, cin/g, cout], the same groups; TensorFlow's depthwise kernel is [kh, kw, c, multiplier]",
    "weight.view(m, g, ...).transpose(0, 1).reshape(...) for kernels that are by place first",
    "a depthwise [kh, kw, c, m] as reshape(kh, kw, 1, c * m), c first",
    LAX,
)
cause(
    "conv-weight-standardization",
    "conv/pool",
    "one side standardizes its kernels as it runs: mean 0, variance 1 over what each output channel sees",
    "F.conv2d(x, (W - mean) / sqrt(var + eps), b)",
    "conv(x, (K - mean) / sqrt(var + eps)) + b",
    "fold it into the weights, or do the same on both sides",
    "fold it into the weights, or do the same on both sides",
    "https://arxiv.org/abs/1903.10520",
)
cause(
    "conv-masked-kernel",
    "conv/pool",
    "one side masks the kernel behind its center (PixelCNN's mask A or B)",
    "F.conv2d(x, W * mask, b)",
    "Conv(..., mask=mask)",
    "multiply the weight by the same mask",
    "mask=... of the kernel's shape",
    "https://arxiv.org/abs/1606.05328",
)


def kernels(kernel: Array, groups: int) -> Iterator[Option]:
    """Ways to read the same numbers as a kernel, and to change it as the layer runs."""
    cout, cin, *size = kernel.shape
    spatial = tuple(range(2, kernel.ndim))
    yield Option(kernel)
    if max(size) > 1:
        yield Option(np.flip(kernel, spatial), "the kernel turned around", "numpy-convolve-flips-kernel")
    if len(size) == 2 and size[0] == size[1] > 1:
        yield Option(kernel.swapaxes(2, 3), "height and width of the kernel exchanged", "conv-kernel-hw-swap")
    if cout == cin and groups == 1:
        yield Option(kernel.swapaxes(0, 1), "cin and cout exchanged", "conv-kernel-layout")
    there = np.moveaxis(kernel, (0, 1), (-1, -2))
    yield Option(
        np.moveaxis(kernel.reshape(there.shape), (-1, -2), (0, 1)), "[o i *k] read as [*k i o]", "conv-kernel-reshaped"
    )
    yield Option(there.reshape(kernel.shape), "[*k i o] read as [o i *k]", "conv-kernel-reshaped")
    if groups > 1 and cout > groups:
        by_place = kernel.reshape(groups, -1, *kernel.shape[1:]).swapaxes(0, 1).reshape(kernel.shape)
        back = kernel.reshape(-1, groups, *kernel.shape[1:]).swapaxes(0, 1).reshape(kernel.shape)
        for read in (by_place, back):
            yield Option(read, "kernels in the order of places, then groups", "conv-grouped-layout")
    over = tuple(range(1, kernel.ndim))
    centered = kernel - kernel.mean(over, keepdims=True)
    for eps in (1e-5, 1e-10, 1e-6, 1e-8, 1e-4, 1e-3, 0.0):
        standard = centered / np.sqrt(kernel.var(over, keepdims=True) + eps)
        yield Option(standard, f"standardized kernels, eps = {eps:g}", "conv-weight-standardization")
    yield from scaled(kernel)
    yield from masked(kernel)


def scaled(kernel: Array) -> Iterator[Option]:
    fan = int(np.prod(kernel.shape[1:]))
    for gain, says in ((1.0, "1"), (2**0.5, "sqrt(2)")):
        yield Option(kernel * (gain / np.sqrt(fan)), f"weights times {says}/sqrt({fan})", "dense-equalized-scale")


def masked(kernel: Array) -> Iterator[Option]:
    """Only what comes before the center in reading order, with the center (B) or without (A)."""
    size = kernel.shape[2:]
    place = np.arange(np.prod(size)).reshape(size)
    center = place[tuple(n // 2 for n in size)]
    if max(size) > 1:
        yield Option(kernel * (place < center), "mask A", "conv-masked-kernel")
        yield Option(kernel * (place <= center), "mask B", "conv-masked-kernel")
