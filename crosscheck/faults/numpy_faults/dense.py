"""Mistakes in reference/layers/dense.py, most of them in the backward pass that was derived by hand.

In the deep net only the second layer errs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crosscheck.faults.catalogue import Replacement, Site, rows

LAYER, NET = Site("layers.dense.Dense"), Site("nets.deep_net.DeepNet", "layers.1.dense")

row = rows("numpy", "dense", where="reference.layers.dense:Dense.forward", only=lambda self: self.n in (5, 7))


def forward(Z: Callable[[Any, Any], Any]) -> Replacement:
    """The layer with another forward pass, Z(p, A_prev), and its own backward pass."""
    return lambda original: lambda self, p, A_prev: (Z(p, A_prev), original(self, p, A_prev)[1])


def backward(
    dW: Callable[..., Any] = lambda dZ, W, A_prev: dZ @ A_prev.T,
    db: Callable[..., Any] = lambda dZ: dZ.sum(axis=1, keepdims=True),
    dA_prev: Callable[..., Any] = lambda dZ, W: W.T @ dZ,
) -> Replacement:
    """The layer with another backward pass, piece by piece."""

    def replacement(original: Any) -> Any:
        def forward(self: Any, p: Any, A_prev: Any) -> Any:
            Z, _ = original(self, p, A_prev)
            return Z, lambda dZ: ({"W": dW(dZ, p["W"], A_prev), "b": db(dZ)}, dA_prev(dZ, p["W"]))

        return forward

    return replacement


FAULTS = [
    row("bias dropped", forward(lambda p, A_prev: p["W"] @ A_prev), LAYER, NET),
    row(
        "weight reshaped where it should be transposed",
        forward(lambda p, A_prev: p["W"].T.reshape(p["W"].shape) @ A_prev + p["b"]),
        LAYER,
        evidence=("linear-kernel-transpose",),
    ),
    row(
        "dW with the 1/m that belongs to the cost",
        backward(dW=lambda dZ, W, A_prev: dZ @ A_prev.T / dZ.shape[1]),
        LAYER,
        NET,
        bites="gradient",
    ),
    row(
        "db averaged over the batch",
        backward(db=lambda dZ: dZ.mean(axis=1, keepdims=True)),
        LAYER,
        NET,
        bites="gradient",
    ),
    row(
        "db from the first example only",
        backward(db=lambda dZ: dZ[:, :1]),
        LAYER,
        bites="gradient",
    ),
    row(
        "dA_prev by a reshaped W",
        backward(dA_prev=lambda dZ, W: W.reshape(W.shape[1], W.shape[0]) @ dZ),
        LAYER,
        NET,
        bites="gradient",
        evidence=("linear-kernel-transpose",),
    ),
    row(
        "dA_prev of the wrong sign",
        backward(dA_prev=lambda dZ, W: -(W.T @ dZ)),
        LAYER,
        NET,
        bites="gradient",
    ),
    row("backward written out", backward(), LAYER, NET, bites="nothing"),
]
