"""Mistakes in jax_impl/layers/batch_norm.py. In the deep net only the second norm errs.

The layer is written out in three pieces (which statistics, how they are applied, how the running ones move), and a
mistake replaces one of them. Written out without a mistake it is a control.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from crosscheck.faults.catalogue import Replacement, Site, rows

LAYER, NET = Site("layers.batch_norm.BatchNorm"), Site("nets.deep_net.DeepNet/batch-norm", "layers.1.norm")

row = rows(
    "jax",
    "batch norm",
    where="jax_impl.layers.batch_norm:BatchNorm.__call__",
    only=lambda self: self.scale.shape[0] in (5, 7),
)


def of_batch(self: Any, x: Any) -> Any:
    return x.mean(0), jnp.square(x - x.mean(0)).mean(0)


def of_running(self: Any, x: Any) -> Any:
    return self.mean[...], self.var[...]


def apply(self: Any, x: Any, mean: Any, var: Any) -> Any:
    return (x - mean) / jnp.sqrt(var + self.epsilon) * self.scale[...] + self.bias[...]


def move(self: Any, mean: Any, var: Any, m: int) -> None:
    self.mean[...] = self.momentum * self.mean[...] + (1 - self.momentum) * mean
    self.var[...] = self.momentum * self.var[...] + (1 - self.momentum) * var


def written_out(
    train: Callable[..., Any] = of_batch,
    evaluate: Callable[..., Any] = of_running,
    apply: Callable[..., Any] = apply,
    move: Callable[..., Any] = move,
) -> Replacement:
    """The layer with the given pieces; `move` sees the batch's own statistics."""

    def call(self: Any, x: Any) -> Any:
        if self.use_running_average:
            return apply(self, x, *evaluate(self, x))
        y = apply(self, x, *train(self, x))
        mean, var = of_batch(self, x)
        move(self, mean, var, len(x))
        return y

    return lambda original: call


def complement(self: Any, mean: Any, var: Any, m: int) -> None:
    self.mean[...] = (1 - self.momentum) * self.mean[...] + self.momentum * mean
    self.var[...] = (1 - self.momentum) * self.var[...] + self.momentum * var


def through_float32(self: Any, mean: Any, var: Any, m: int) -> None:
    move(self, mean, var, m)
    self.mean[...] = self.mean[...].astype(jnp.float32).astype(mean.dtype)
    self.var[...] = self.var[...].astype(jnp.float32).astype(mean.dtype)


FAULTS = [
    row(
        "epsilon outside the root",
        written_out(
            apply=lambda self, x, mean, var: (
                (x - mean) / (jnp.sqrt(var) + self.epsilon) * self.scale[...] + self.bias[...]
            )
        ),
        LAYER,
        NET,
    ),
    row(
        "another library's epsilon",
        written_out(
            apply=lambda self, x, mean, var: (x - mean) / jnp.sqrt(var + 1e-6) * self.scale[...] + self.bias[...]
        ),
        LAYER,
        evidence=("layernorm-eps", "groupnorm-eps"),
    ),
    row(
        "normalized by the unbiased variance",
        written_out(train=lambda self, x: (x.mean(0), x.var(0, ddof=1))),
        LAYER,
        evidence=("std-ddof",),
    ),
    row(
        "statistics over the units instead of the examples",
        written_out(train=lambda self, x: (x.mean(1, keepdims=True), x.var(1, keepdims=True))),
        LAYER,
        evidence=("batchnorm-feature-axis",),
    ),
    row(
        "scale and shift exchanged",
        written_out(
            apply=lambda self, x, mean, var: (
                (x - mean) / jnp.sqrt(var + self.epsilon) * self.bias[...] + self.scale[...]
            )
        ),
        LAYER,
    ),
    row(
        "mode ignored: always the batch's statistics",
        written_out(evaluate=of_batch),
        LAYER,
        evidence=("batchnorm-use-running-average",),
    ),
    row(
        "mode ignored: always the running statistics",
        written_out(train=of_running),
        LAYER,
        evidence=("batchnorm-use-running-average",),
    ),
    row(
        "statistics of the batch treated as constants",
        written_out(train=lambda self, x: of_batch(self, jax.lax.stop_gradient(x))),
        LAYER,
        NET,
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    row(
        "unbiased running variance",
        written_out(move=lambda self, mean, var, m: move(self, mean, var * m / (m - 1), m)),
        LAYER,
        NET,
        bites="state",
        evidence=("batchnorm-unbiased-running-var",),
    ),
    row(
        "momentum taken for its complement",
        written_out(move=complement),
        LAYER,
        bites="state",
        evidence=("batchnorm-momentum-complement",),
    ),
    row(
        "running statistics never updated",
        written_out(move=lambda self, mean, var, m: None),
        LAYER,
        bites="state",
        evidence=("batchnorm-eval-buffers-not-params",),
    ),
    row(
        "running statistics kept in float32",
        written_out(move=through_float32),
        LAYER,
        bites="state",
        evidence=("nnx-batchnorm-stats-float32",),
    ),
    row("written out step by step", written_out(), LAYER, NET, bites="nothing"),
]
