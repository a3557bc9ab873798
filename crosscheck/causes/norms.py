"""Batch norm: its normalization, and the running statistics that it leaves.

Y = scale (X - mean) / sqrt(var + eps) + bias           per channel; running <- (1 - m) running + m batch
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
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
    "batchnorm-no-scale-or-bias",
    "norm",
    "one side lacks the scale or the bias of its norm",
    "affine=True gives weight and bias",
    "use_scale, use_bias",
    "affine=True",
    "use_scale=True, use_bias=True",
    "https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/normalization.html",
)

EPS = (1e-5, 1e-3, 1e-6, 1e-8, 1e-12, 0.0)


def affine(site: Site) -> tuple[Array, Array]:
    """Scale and bias, 1 and 0 where the norm has none."""
    w = site.weights
    scale = next((w[name] for name in ("weight", "scale", "gamma") if name in w), np.ones(1))
    return scale, next((w[name] for name in ("bias", "beta") if name in w), np.zeros(1))


def statistics(site: Site) -> tuple[Array, Array]:
    x, axis = site.x, site.channel % site.x.ndim
    over = tuple(i for i in range(x.ndim) if i != axis)
    return x.mean(over), x.var(over)


def running(site: Site) -> tuple[Array, Array] | None:
    b = site.buffers
    mean = next((b[name] for name in ("running_mean", "mean") if name in b), None)
    var = next((b[name] for name in ("running_var", "var") if name in b), None)
    return None if mean is None or var is None else (mean, var)


@family
def batch_norm(site: Site) -> Iterator[Variant]:
    if not site.sides[0].kind.startswith(("BatchNorm", "SyncBatchNorm")) or site.target != "output":
        return
    batch, kept = statistics(site), running(site)
    usual = batch if site.train or kept is None else kept
    first = [*site.settings("eps", "epsilon"), *EPS]
    scale, bias = (along(v, site.x, site.channel) if v.size > 1 else v for v in affine(site))

    def y(
        stats: tuple[Array, Array], eps: float, outside: bool = False, scaled: bool = True, biased: bool = True
    ) -> Array:
        mean, var = (along(v, site.x, site.channel) for v in stats)
        root = np.sqrt(var) + eps if outside else np.sqrt(var + eps)
        return np.asarray((site.x - mean) / root * (scale if scaled else 1.0) + (bias if biased else 0.0))

    eps = first[0]
    for e in dict.fromkeys(first):
        inside, outside = f"eps = {e:g} in the root", f"eps = {e:g} outside the root"
        yield Variant((), inside, partial(y, usual, e), f"eps {e:g}", "batchnorm-eps")
        yield Variant(("norm-eps-outside-root",), outside, partial(y, usual, e, True), f"eps {e:g}", "batchnorm-eps")
    if kept is not None:
        swapped = kept if usual is batch else batch
        says = "running statistics" if swapped is kept else "the batch's statistics"
        yield Variant(("batchnorm-use-running-average",), says, lambda: y(swapped, eps), f"eps {eps:g}")
    yield Variant(("batchnorm-no-scale-or-bias",), "no scale", lambda: y(usual, eps, scaled=False), f"eps {eps:g}")
    yield Variant(("batchnorm-no-scale-or-bias",), "no bias", lambda: y(usual, eps, biased=False), f"eps {eps:g}")


@family
def batch_norm_state(site: Site) -> Iterator[Variant]:
    """What the running statistics are afterwards."""
    kept = running(site)
    if kept is None or site.target != "state" or not site.sides[0].kind.startswith(("BatchNorm", "SyncBatchNorm")):
        return
    is_var = "var" in site.name
    before, batch = kept[is_var], statistics(site)[is_var]
    n = site.x.size // site.x.shape[site.channel]
    rates = weights_of_new(site)
    ratios = [(1.0, ())] + ([(n / (n - 1), ("batchnorm-unbiased-running-var",))] if is_var and n > 1 else [])
    for ratio, unbiased in ratios:
        for m in rates:
            says = f"new value weighs {m:g}" + (f", variance times n/(n - 1) = {ratio:.6g}" if unbiased else "")
            make = lambda m=m, f=ratio: (1 - m) * before + m * f * batch  # noqa: E731
            yield Variant(unbiased, says, make, f"rate {m:g}", "batchnorm-momentum-complement")
    yield Variant(
        ("batchnorm-use-running-average",), "statistics are left as they were", lambda: before, f"rate {rates[0]:g}"
    )


def weights_of_new(site: Site) -> list[float]:
    """The weights that the new value may have: torch's momentum as it is, flax's complemented, then either misread."""
    own = [
        m if side.framework == "torch" else 1 - m
        for side in site.sides
        if isinstance(m := side.config.get("momentum"), float)
    ]
    both = [*own, 0.1, *(1 - m for m in own), 0.01, 0.9, 0.99, 0.001, 0.05]
    return list(dict.fromkeys(round(m, 12) for m in both))
