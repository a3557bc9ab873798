"""Mistakes that show before anything runs: parameters too many or too few, other defaults, other shapes."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from flax import nnx

from crosscheck.faults.catalogue import Site, rows

row = rows("jax", "structure", bites="structure")
DENSE, NORM = "jax_impl.layers.dense:Dense.__init__", "jax_impl.layers.batch_norm:BatchNorm.__init__"


def other_momentum(init: Any) -> Any:
    def __init__(self: Any, n: int, momentum: float = 0.99, epsilon: float = 1e-5, *, rngs: Any) -> None:
        init(self, n, momentum, epsilon, rngs=rngs)

    return __init__


def always_biased(init: Any) -> Any:
    def __init__(self: Any, n_prev: int, n: int, bias: bool = True, *, rngs: Any) -> None:
        init(self, n_prev, n, rngs=rngs)

    return __init__


def with_a_counter(init: Any) -> Any:
    def __init__(self: Any, n: int, momentum: float = 0.9, epsilon: float = 1e-5, *, rngs: Any) -> None:
        init(self, n, momentum, epsilon, rngs=rngs)
        self.count = nnx.BatchStat(jnp.zeros(()))

    return __init__


FAULTS = [
    row(
        "another library's default momentum",
        other_momentum,
        Site("layers.batch_norm.BatchNorm"),
        where=NORM,
        evidence=("batchnorm-momentum-complement",),
    ),
    row("bias kept before the norm", always_biased, Site("layers.dense.Dense/no-bias"), where=DENSE),
    row("a statistic that nobody claims", with_a_counter, Site("layers.batch_norm.BatchNorm"), where=NORM),
]
