"""Mistakes in torch_impl/layers/batch_norm.py. In the deep net only the second norm errs.

The layer is written out in three pieces (which statistics, how they are applied, how the running ones move), and a
mistake replaces one of them. Written out without a mistake it is a control.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from crosscheck.faults.catalogue import Replacement, Site, rows
from crosscheck.faults.torch_faults.numbers import as_tf32

LAYER, NET = Site("layers.batch_norm.BatchNorm"), Site("nets.deep_net.DeepNet/batch-norm", "layers.1.norm")

row = rows(
    "torch",
    "batch norm",
    where="torch_impl.layers.batch_norm:BatchNorm.forward",
    only=lambda self: self.num_features in (5, 7),
)


def of_batch(self: Any, x: Any) -> Any:
    return x.mean(0), x.var(0, correction=0)


def of_running(self: Any, x: Any) -> Any:
    return self.running_mean, self.running_var


def apply(self: Any, x: Any, mean: Any, var: Any) -> Any:
    return (x - mean) * torch.rsqrt(var + self.eps) * self.weight + self.bias


def move(self: Any, mean: Any, var: Any, m: int) -> None:
    self.running_mean.lerp_(mean, self.momentum)
    self.running_var.lerp_(var, self.momentum)


def written_out(
    train: Callable[..., Any] = of_batch,
    evaluate: Callable[..., Any] = of_running,
    apply: Callable[..., Any] = apply,
    move: Callable[..., Any] = move,
) -> Replacement:
    """The layer with the given pieces; `move` sees the batch's own statistics."""

    def forward(self: Any, x: Any) -> Any:
        if self.training:
            y = apply(self, x, *train(self, x))
            with torch.no_grad():
                mean, var = of_batch(self, x)
                move(self, mean, var, len(x))
            return y
        return apply(self, x, *evaluate(self, x))

    return lambda original: forward


def cumulative(self: Any, mean: Any, var: Any, m: int) -> None:
    """A plain average over all batches so far: the weight of the new one is 1/count."""
    self.num_batches_tracked.add_(1)
    self.running_mean.lerp_(mean, 1 / float(self.num_batches_tracked))
    self.running_var.lerp_(var, 1 / float(self.num_batches_tracked))


def twice(self: Any, mean: Any, var: Any, m: int) -> None:
    for _ in range(2):
        move(self, mean, var, m)


def in_float32(self: Any, mean: Any, var: Any, m: int) -> None:
    move(self, mean, var, m)
    for running in (self.running_mean, self.running_var):
        running.copy_(running.float())


def moved_in_eval(self: Any, x: Any) -> Any:
    """The running statistics, which then move although this is eval mode."""
    statistics = self.running_mean.clone(), self.running_var.clone()
    with torch.no_grad():
        mean, var = of_batch(self, x)
        move(self, mean, var, len(x))
    return statistics


FAULTS = [
    row(
        "epsilon outside the root",
        written_out(apply=lambda self, x, mean, var: (x - mean) / (var.sqrt() + self.eps) * self.weight + self.bias),
        LAYER,
        NET,
    ),
    row(
        "another library's epsilon",
        written_out(apply=lambda self, x, mean, var: (x - mean) * torch.rsqrt(var + 1e-3) * self.weight + self.bias),
        LAYER,
        NET,
        evidence=("layernorm-eps", "groupnorm-eps"),
    ),
    row("normalized by the unbiased variance", written_out(train=lambda self, x: (x.mean(0), x.var(0))), LAYER, NET),
    row(
        "statistics over the units instead of the examples",
        written_out(train=lambda self, x: (x.mean(1, keepdim=True), x.var(1, correction=0, keepdim=True))),
        LAYER,
        NET,
        evidence=("batchnorm-feature-axis",),
    ),
    row(
        "mean of squares in place of the variance",
        written_out(train=lambda self, x: (x.mean(0), x.square().mean(0))),
        LAYER,
        NET,
        evidence=("norm-fast-variance-cancellation",),
    ),
    row(
        "shifted before it is scaled",
        written_out(
            apply=lambda self, x, mean, var: ((x - mean) * torch.rsqrt(var + self.eps) + self.bias) * self.weight
        ),
        LAYER,
        NET,
    ),
    row(
        "scale counted from zero: 1 + weight",
        written_out(
            apply=lambda self, x, mean, var: (x - mean) * torch.rsqrt(var + self.eps) * (1 + self.weight) + self.bias
        ),
        LAYER,
        NET,
        evidence=("rmsnorm-gemma-plus-one",),
    ),
    row(
        "running statistics used in training",
        written_out(train=of_running),
        LAYER,
        NET,
        evidence=("batchnorm-use-running-average",),
    ),
    row(
        "batch statistics used in eval",
        written_out(evaluate=of_batch),
        LAYER,
        NET,
        evidence=("batchnorm-use-running-average",),
    ),
    row(
        "statistics of the batch treated as constants",
        written_out(train=lambda self, x: of_batch(self, x.detach())),
        LAYER,
        NET,
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    row(
        "variance treated as a constant",
        written_out(train=lambda self, x: (x.mean(0), x.detach().var(0, correction=0))),
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
        written_out(
            move=lambda self, mean, var, m: (
                self.running_mean.lerp_(mean, 1 - self.momentum),
                self.running_var.lerp_(var, 1 - self.momentum),
            )
        ),
        LAYER,
        NET,
        bites="state",
        evidence=("batchnorm-momentum-complement",),
    ),
    row(
        "running statistics never updated",
        written_out(move=lambda self, mean, var, m: None),
        LAYER,
        NET,
        bites="state",
        evidence=("batchnorm-eval-buffers-not-params",),
    ),
    row(
        "running variance never updated",
        written_out(move=lambda self, mean, var, m: self.running_mean.lerp_(mean, self.momentum)),
        LAYER,
        NET,
        bites="state",
    ),
    row(
        "running statistics updated twice a step",
        written_out(move=twice),
        LAYER,
        NET,
        bites="state",
        evidence=("bn-running-stats-grad-accum",),
    ),
    row(
        "running standard deviation in place of the variance",
        written_out(move=lambda self, mean, var, m: move(self, mean, var.sqrt(), m)),
        LAYER,
        NET,
        bites="state",
    ),
    row(
        "plain average over all batches",
        written_out(move=cumulative),
        LAYER,
        NET,
        bites="state",
        evidence=("batchnorm-momentum-none-cumulative",),
    ),
    row(
        "running statistics kept in float32",
        written_out(move=in_float32),
        LAYER,
        NET,
        bites="state",
        evidence=("nnx-batchnorm-stats-float32",),
    ),
    row("running statistics move in eval too", written_out(evaluate=moved_in_eval), LAYER, NET, bites="state"),
    row(
        "input rounded to TF32",
        written_out(train=lambda self, x: of_batch(self, as_tf32(x))),
        LAYER,
        NET,
        bites="precision",
    ),
    row("written out step by step", written_out(), LAYER, NET, bites="nothing"),
    row(
        "variance in one pass, of numbers near zero",
        written_out(train=lambda self, x: (x.mean(0), x.square().mean(0) - x.mean(0).square())),
        LAYER,
        bites="nothing",
        evidence=("norm-fast-variance-float64",),
    ),
]
