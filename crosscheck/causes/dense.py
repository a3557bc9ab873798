"""Dense layers.

Y = X W^T + b          over the last axis; W [out in] in torch, K [in out] in flax, either of several axes perhaps
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.options import Axis, Option, departures, search
from crosscheck.causes.site import Site
from crosscheck.causes.variant import Variant, family

NNX = "https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/linear.html"
TORCH = "https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html"

cause(
    "linear-kernel-transpose",
    "conv/pool",
    "one side multiplies by the transposed weight matrix",
    "F.linear(x, W): x W^T with W [out, in]; GPT-2's Conv1D has x K",
    "Linear: x K with K [in, out]",
    "weight = kernel.T",
    "kernel = weight.T",
    TORCH,
)
cause(
    "dense-bias-missing",
    "conv/pool",
    "one side adds no bias",
    "Linear(i, o, bias=True): x W^T + b",
    "Linear(i, o, use_bias=True): x K + b",
    "bias=True on both sides, or on neither",
    "use_bias=True on both sides, or on neither",
    NNX,
)
cause(
    "dense-on-last-axis-vs-nchw",
    "conv/pool",
    "the layer works along different axes: the last one is the width in one layout, the channels in the other",
    "Linear on n c h w mixes along w",
    "Linear on n h w c mixes along c",
    "x.movedim(1, -1), the layer, back again",
    "jnp.moveaxis(x, 1, -1), the layer, back again",
    TORCH,
)
cause(
    "dense-equalized-scale",
    "conv/pool",
    "one side scales its weights as it runs, by the fan-in (equalized learning rate)",
    "F.linear(x, W * gain / sqrt(in), b)",
    "x @ (K * gain / sqrt(in)) + b",
    "fold the factor into the weights: W * gain / sqrt(in)",
    "fold the factor into the weights: K * gain / sqrt(in)",
    "https://arxiv.org/abs/1710.10196",
)

KINDS = ("Linear", "Dense", "Conv1D", "NonDynamicallyQuantizableLinear")
NAMES = ("weight", "kernel", "w", "W", "embedding")


def matrix(site: Site) -> Array | None:
    """The weights as [in, out]; None if this is no dense layer."""
    name = next((name for name in NAMES if name in site.weights), "")
    w = site.weights.get(name)
    if w is None or w.ndim < 2 or site.target != "output" or not site.inputs or site.x.dtype.kind != "f":
        return None
    if not any(kind in side.kind for side in site.sides for kind in KINDS):
        return None
    size = site.x.shape[-1] if site.x.ndim else 0
    out_first = site.sides[0].framework == "torch" or name == "embedding"
    if out_first and w.ndim == 2 and site.sides[0].kind != "Conv1D":
        return w.T
    heads = site.x.ndim > 1 and w.shape[0] != size and w.shape[:2] == site.x.shape[-2:]
    return w.reshape(w.shape[0] * w.shape[1], -1) if heads else w.reshape(w.shape[0], -1)


def biases(site: Site, missing: str) -> Axis:
    """The layer's own bias, none, or what only the second's layer has."""
    own = next((site.weights[name] for name in ("bias", "b") if name in site.weights), None)
    extra = next((v for name, v in site.theirs.items() if name in ("bias", "b")), None)
    none = np.zeros(1)
    if own is not None:
        return departures("bias", np.ravel(own), (none, "no bias", missing))
    return departures("bias", none, *([(np.ravel(extra), "a bias added", missing)] if extra is not None else []))


@family
def dense(site: Site) -> Iterator[Variant]:
    kernel = matrix(site)
    if kernel is None:
        return
    rows, columns = kernel.shape
    kernels = [Option(kernel)]
    if rows == columns:
        kernels.append(Option(kernel.T, "x W with the matrix transposed", "linear-kernel-transpose"))
    for gain, says in ((1.0, "1"), (2**0.5, "sqrt(2)")):
        scale = gain / np.sqrt(rows)
        kernels.append(Option(kernel * scale, f"weights times {says}/sqrt({rows})", "dense-equalized-scale"))
    others = [axis for axis in range(site.x.ndim - 1) if site.x.shape[axis] == rows]
    along = [(axis, f"along axis {axis}", "dense-on-last-axis-vs-nchw") for axis in others]
    axes = [Axis("kernel", kernels), biases(site, "dense-bias-missing"), departures("axis", -1, *along)]
    yield from search(site, axes, product, few(site), "x W + b")


def few(site: Site) -> Site:
    """The first example alone."""
    return replace(site, first=site.first[:1], second=site.second[:1], inputs=tuple(x[:1] for x in site.inputs))


def product(site: Site, kernel: Array, bias: Array, axis: int) -> Array:
    x, shape = site.x, site.first.shape
    if axis != -1:
        return np.moveaxis(np.moveaxis(x, axis, -1) @ kernel + bias, -1, axis)
    if x.shape[-1] != len(kernel):
        x = x.reshape(*x.shape[:-2], -1)
    return (x @ kernel + bias).reshape(shape)
