"""Mistakes in jax_impl/layers/dropout.py."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from crosscheck.faults.catalogue import Replacement, Site, rows

LAYER, NET = Site("layers.dropout.Dropout"), Site("nets.deep_net.DeepNet/dropout", "layers.0.dropout")

row = rows("jax", "dropout", where="jax_impl.layers.dropout:Dropout.__call__")


def in_training(drop: Any) -> Replacement:
    """Dropout that drops by the given rule, `drop(self, x, u)`, and is the identity in eval mode."""
    return lambda call: lambda self, x: x if self.deterministic else drop(self, x, self.uniform(x))


FAULTS = [
    row(
        "what is kept is not scaled up",
        in_training(lambda self, x, u: jnp.where(u < self.keep_prob, x, 0)),
        LAYER,
        evidence=("dropout-rate-is-drop-probability",),
    ),
    row(
        "keep_prob taken for the rate of dropping",
        in_training(lambda self, x, u: jnp.where(u < 1 - self.keep_prob, x / (1 - self.keep_prob), 0)),
        LAYER,
        evidence=("dropout-rate-is-drop-probability",),
    ),
    row(
        "one mask for the whole batch",
        in_training(lambda self, x, u: jnp.where(u[:1] < self.keep_prob, x / self.keep_prob, 0)),
        LAYER,
        evidence=("attention-dropout-broadcast",),
    ),
    row(
        "active in eval mode",
        lambda call: lambda self, x: jnp.where(self.uniform(x) < self.keep_prob, x / self.keep_prob, 0),
        LAYER,
        NET,
        evidence=("dropout-eval-flag",),
    ),
    row(
        "gradient passed to what was dropped",
        in_training(
            lambda self, x, u: x + jax.lax.stop_gradient(jnp.where(u < self.keep_prob, x / self.keep_prob, 0) - x)
        ),
        LAYER,
        bites="gradient",
    ),
]
