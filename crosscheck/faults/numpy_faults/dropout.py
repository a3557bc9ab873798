"""Mistakes in reference/layers/dropout.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crosscheck.faults.catalogue import Replacement, Site, rows

LAYER, NET = Site("layers.dropout.Dropout"), Site("nets.deep_net.DeepNet/dropout", "layers.0.dropout")

row = rows("numpy", "dropout", where="reference.layers.dropout:Dropout.apply")


def written_out(A: Callable[..., Any], dA_prev: Callable[..., Any]) -> Replacement:
    """Dropout with the given output A(A_prev, D, keep_prob) and derivative dA_prev(dA, D, keep_prob)."""

    def apply(self: Any, p: Any, s: Any, A_prev: Any, *, mode: Any) -> Any:
        if not mode.train:
            return A_prev, s, lambda dA: ({}, dA)
        D = mode.uniform(mode.path, A_prev.shape) < self.keep_prob
        return A(A_prev, D, self.keep_prob), s, lambda dA: ({}, dA_prev(dA, D, self.keep_prob))

    return lambda original: apply


def scaled(X: Any, D: Any, keep_prob: float) -> Any:
    return X * D / keep_prob


FAULTS = [
    row(
        "neither pass scaled up",
        written_out(lambda A, D, keep_prob: A * D, lambda dA, D, keep_prob: dA * D),
        LAYER,
        evidence=("dropout-rate-is-drop-probability",),
    ),
    row("dA not masked", written_out(scaled, lambda dA, D, keep_prob: dA / keep_prob), LAYER, NET, bites="gradient"),
    row("dA not scaled up", written_out(scaled, lambda dA, D, keep_prob: dA * D), LAYER, NET, bites="gradient"),
]
