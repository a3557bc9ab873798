"""Mistakes in torch_impl/layers/dropout.py."""

from __future__ import annotations

from typing import Any

from crosscheck.faults.catalogue import Replacement, Site, rows
from crosscheck.faults.torch_faults.numbers import scaled_gradient

LAYER, NET = Site("layers.dropout.Dropout"), Site("nets.deep_net.DeepNet/dropout", "layers.0.dropout")

row = rows("torch", "dropout", where="torch_impl.layers.dropout:Dropout.forward")


def in_training(drop: Any) -> Replacement:
    """Dropout that drops by the given rule, `drop(self, x, u)`, and is the identity in eval mode."""
    return lambda forward: lambda self, x: drop(self, x, self.uniform(x)) if self.training else x


def straight_through(self: Any, x: Any, u: Any) -> Any:
    y = x * (u < self.keep_prob) / self.keep_prob
    return x + (y - x).detach()


FAULTS = [
    row(
        "what is kept is not scaled up",
        in_training(lambda self, x, u: x * (u < self.keep_prob)),
        LAYER,
        NET,
        evidence=("dropout-rate-is-drop-probability",),
    ),
    row(
        "keep_prob taken for the rate of dropping",
        in_training(lambda self, x, u: x * (u < 1 - self.keep_prob) / (1 - self.keep_prob)),
        LAYER,
        NET,
        evidence=("dropout-rate-is-drop-probability",),
    ),
    row(
        "drops what it should keep",
        in_training(lambda self, x, u: x * (u >= self.keep_prob) / self.keep_prob),
        LAYER,
        NET,
    ),
    row(
        "scaled twice",
        in_training(lambda self, x, u: x * (u < self.keep_prob) / self.keep_prob**2),
        LAYER,
        NET,
    ),
    row(
        "one mask for the whole batch",
        in_training(lambda self, x, u: x * (u[:1] < self.keep_prob) / self.keep_prob),
        LAYER,
        NET,
        evidence=("attention-dropout-broadcast",),
    ),
    row(
        "active in eval mode",
        lambda forward: lambda self, x: x * (self.uniform(x) < self.keep_prob) / self.keep_prob,
        LAYER,
        NET,
        evidence=("dropout-eval-flag",),
    ),
    row(
        "scaled down in eval, as before dropout was inverted",
        lambda forward: lambda self, x: forward(self, x) if self.training else x * self.keep_prob,
        LAYER,
        NET,
    ),
    row("gradient passed to what was dropped", in_training(straight_through), LAYER, NET, bites="gradient"),
    row(
        "gradient not scaled up",
        in_training(lambda self, x, u: scaled_gradient(x, self.keep_prob) * (u < self.keep_prob) / self.keep_prob),
        LAYER,
        NET,
        bites="gradient",
    ),
]
