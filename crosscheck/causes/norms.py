"""Batch norm: its normalization, and the running statistics that it leaves.

Y = scale (X - mean) / sqrt(var + eps) + bias           per channel; running <- (1 - m) running + m batch
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.norm_parts import corrections, epsilons, moments, normalizer, own, roots, scales, shifts, small
from crosscheck.causes.options import departures, search
from crosscheck.causes.site import Site, along
from crosscheck.causes.variant import Variant, family

cause(
    "batchnorm-unbiased-running-var",
    "norm",
    "one side stores the unbiased batch variance in its running variance, the other the biased one",
    "running_var <- (1 - m) running_var + m var n/(n - 1)",
    "var <- (1 - m) var + m var(biased)",
    "store x.var(unbiased=False) in a BatchNorm subclass",
    "multiply the batch variance by n/(n - 1) before it is averaged",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html",
)
cause(
    "batchnorm-momentum-complement",
    "norm",
    "the running statistics move at different rates: torch's momentum weighs the new value, flax's the old one",
    "running <- (1 - momentum) running + momentum batch, momentum = 0.1",
    "running <- momentum running + (1 - momentum) batch, momentum = 0.99",
    "BatchNorm2d(c, momentum=1 - flax_momentum)",
    "BatchNorm(c, momentum=1 - torch_momentum), 0.9 for torch's default",
    "https://flax.readthedocs.io/en/latest/guides/converting_and_upgrading/convert_pytorch_to_flax.html",
)
cause(
    "batchnorm-eps",
    "norm",
    "eps differs",
    "eps = 1e-5 by default",
    "epsilon = 1e-5 by default; ports of TensorFlow models have 1e-3",
    "BatchNorm2d(c, eps=...)",
    "BatchNorm(c, epsilon=...)",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html",
)
cause(
    "batchnorm-use-running-average",
    "norm",
    "one side normalizes with the batch's statistics, the other with the running ones",
    "model.eval() switches every batch norm",
    "use_running_average, per module or call",
    "model.eval()",
    "model.eval(), or use_running_average=True",
    "https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/normalization.html",
)
cause(
    "batchnorm-feature-axis",
    "norm",
    "the channels are taken to be another axis of the same size",
    "BatchNorm2d: axis 1 of n c h w",
    "BatchNorm: the last axis",
    "x.movedim(-1, 1), the norm, back again",
    "BatchNorm(axis=1), or channels last",
    "https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/normalization.html",
)
cause(
    "batchnorm-per-example",
    "norm",
    "one side takes the statistics of each example alone, as instance norm does",
    "BatchNorm2d: over n, h, w; InstanceNorm2d: over h, w",
    "BatchNorm: over n, h, w; InstanceNorm, or a BatchNorm under vmap: over h, w",
    "BatchNorm2d or InstanceNorm2d, as the other side",
    "call the norm on the whole batch, outside vmap (or give vmap and the norm an axis_name)",
    "https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/normalization.html",
)
cause(
    "batchnorm-momentum-none-cumulative",
    "norm",
    "one side keeps the plain mean of all batches, the other a moving average",
    "BatchNorm2d(momentum=None): running <- running + (batch - running) / (t + 1), t = num_batches_tracked",
    "BatchNorm has a fixed momentum",
    "momentum=1 - flax_momentum",
    "layer.momentum = 1 - 1 / (t + 1) before call t",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html",
)
cause(
    "batchnorm-no-scale-or-bias",
    "norm",
    "one side lacks the scale or the bias of its norm",
    "affine=True gives weight and bias",
    "use_scale, use_bias",
    "affine=True",
    "use_scale=True, use_bias=True",
    "https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/normalization.html",
)


@family
def batch_norm(site: Site) -> Iterator[Variant]:
    if not is_batch_norm(site) or site.target != "output" or not site.inputs or site.x.shape != site.first.shape:
        return
    x, kept, channel = site.x, running(site), site.channel % site.x.ndim
    scale, bias = own(site.weights, "weight", "scale", "gamma"), own(site.weights, "bias", "beta")
    size = next((v.size for v in (scale, bias, kept and kept[0]) if v is not None), x.shape[channel])
    others = [axis for axis in range(x.ndim) if x.shape[axis] == size and axis != channel]
    if x.shape[channel] != size:
        return

    @cache
    def statistics(source: str, axis: int, unbiased: bool) -> tuple[Array, Array]:
        if source == "running" and kept is not None:
            return along(kept[0], x, axis), along(kept[1], x, axis)
        over = tuple(i for i in range(x.ndim) if i != axis)
        return moments(x, over if source != "example" else over[1:], unbiased)

    usual = "batch" if site.train or kept is None else "running"
    swapped = [("batch", "the batch's statistics"), ("running", "running statistics")][usual == "batch"]
    extra, more = own(site.theirs, "weight", "scale", "gamma"), own(site.theirs, "bias", "beta")
    axes = [
        epsilons(site, "batchnorm-eps"),
        departures(
            "source",
            usual,
            *([(*swapped, "batchnorm-use-running-average")] if kept is not None else []),
            *([("example", "each example's statistics", "batchnorm-per-example")] if x.ndim > 2 else []),
        ),
        departures("axis", channel, *((i, f"axis {i} for the channels", "batchnorm-feature-axis") for i in others)),
        roots(),
        corrections(),
        scales(scale, extra, "batchnorm-no-scale-or-bias"),
        shifts(bias, more, "batchnorm-no-scale-or-bias"),
    ]
    normalized = normalizer(site, statistics)

    def make(at: Site, axis: int, scale: Array, bias: Array, **rest: Any) -> Array:
        scale, bias = (along(v, x, axis) if v.ndim else v for v in (scale, bias))
        return normalized(at, axis=axis, scale=scale, bias=bias, **rest)

    yield from search(site, axes, make, small(site), f"the {usual} statistics")


def is_batch_norm(site: Site) -> bool:
    return any(side.kind.startswith(("BatchNorm", "SyncBatchNorm", "LazyBatchNorm")) for side in site.sides)


def batch_statistics(site: Site) -> tuple[Array, Array]:
    x, axis = site.x, site.channel % site.x.ndim
    over = tuple(i for i in range(x.ndim) if i != axis)
    return x.mean(over), x.var(over)


def running(site: Site) -> tuple[Array, Array] | None:
    mean, var = own(site.buffers, "running_mean", "mean", "mu"), own(site.buffers, "running_var", "var", "sigma2")
    return None if mean is None or var is None else (mean, var)


@family
def batch_norm_state(site: Site) -> Iterator[Variant]:
    """What the running statistics are afterwards."""
    kept = running(site)
    if kept is None or site.target != "state" or not is_batch_norm(site) or not site.inputs:
        return
    is_var = "var" in site.name or "sigma2" in site.name
    before = kept[is_var]
    batch = batch_statistics(site)[is_var].reshape(before.shape)
    n = site.x.size // site.x.shape[site.channel]
    rates, count = weights_of_new(site), site.buffers.get("num_batches_tracked")
    ratios = [(1.0, ())] + ([(n / (n - 1), ("batchnorm-unbiased-running-var",))] if is_var and n > 1 else [])
    for ratio, unbiased in ratios:
        for m in rates:
            says = f"new value weighs {m:g}" + (f", variance times n/(n - 1) = {ratio:.6g}" if unbiased else "")
            make = lambda m=m, f=ratio: (1 - m) * before + m * f * batch  # noqa: E731
            yield Variant(unbiased, says, make, f"rate {m:g}", "batchnorm-momentum-complement")
            if count is not None:
                mean = partial(cumulative, before, ratio * batch, int(count) + 1)
                departs = (*unbiased, "batchnorm-momentum-none-cumulative")
                yield Variant(departs, f"the mean of {int(count) + 1} batches", mean, f"rate {m:g}")
    yield Variant(
        ("batchnorm-use-running-average",), "statistics are left as they were", lambda: before, f"rate {rates[0]:g}"
    )


def cumulative(before: Array, batch: Array, count: int) -> Array:
    return before + (batch - before) / count


def weights_of_new(site: Site) -> list[float]:
    """The weights that the new value may have: torch's momentum as it is, flax's complemented, then either misread."""
    own = [
        m if side.framework == "torch" else 1 - m
        for side in site.sides
        if isinstance(m := side.config.get("momentum"), float)
    ]
    both = [*own, 0.1, *(1 - m for m in own), 0.01, 0.9, 0.99, 0.001, 0.05]
    return list(dict.fromkeys(round(m, 12) for m in both))
