"""Mistakes that show before anything runs: parameters too many or too few, other defaults, other shapes."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from crosscheck.faults.catalogue import Replacement, Site, rows

row = rows("torch", "structure", bites="structure")
DENSE, NORM = "torch_impl.layers.dense:Dense.__init__", "torch_impl.layers.batch_norm:BatchNorm.__init__"
DEEP = "nets.deep_net.DeepNet"


def other_epsilon(init: Any) -> Any:
    def __init__(self: Any, n: int, momentum: float = 0.9, epsilon: float = 1e-3) -> None:
        init(self, n, momentum, epsilon)

    return __init__


def other_momentum(init: Any) -> Any:
    def __init__(self: Any, n: int, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        init(self, n, momentum, epsilon)

    return __init__


def always_biased(init: Any) -> Any:
    def __init__(self: Any, n_prev: int, n: int, bias: bool = True) -> None:
        init(self, n_prev, n)

    return __init__


def stored_transposed(init: Any) -> Any:
    def __init__(self: Any, n_prev: int, n: int, bias: bool = True) -> None:
        init(self, n, n_prev, bias)

    return __init__


def norm_then(change: Any) -> Replacement:
    """The norm's constructor, followed by a change."""

    def replacement(init: Any) -> Any:
        def __init__(self: Any, n: int, momentum: float = 0.9, epsilon: float = 1e-5) -> None:
            init(self, n, momentum, epsilon)
            change(self, n)

        return __init__

    return replacement


def without_running_statistics(self: Any, n: int) -> None:
    self.running_mean = self.running_var = None


def with_a_second_scale(self: Any, n: int) -> None:
    self.gain = nn.Parameter(torch.ones(n))


FAULTS = [
    row("another library's default epsilon", other_epsilon, Site("layers.batch_norm.BatchNorm"), where=NORM),
    row(
        "another library's default momentum",
        other_momentum,
        Site("layers.batch_norm.BatchNorm"),
        where=NORM,
        evidence=("batchnorm-momentum-complement",),
    ),
    row(
        "bias kept before the norm",
        always_biased,
        Site("layers.dense.Dense/no-bias"),
        Site(DEEP + "/batch-norm"),
        where=DENSE,
    ),
    row(
        "weight stored transposed",
        stored_transposed,
        Site("layers.dense.Dense"),
        where=DENSE,
        evidence=("linear-kernel-transpose",),
    ),
    row(
        "no running statistics",
        norm_then(without_running_statistics),
        Site("layers.batch_norm.BatchNorm"),
        where=NORM,
        evidence=("instancenorm-affine-default",),
    ),
    row("a scale too many", norm_then(with_a_second_scale), Site("layers.batch_norm.BatchNorm"), where=NORM),
]
