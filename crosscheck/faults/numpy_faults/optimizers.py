"""Mistakes in reference/training/optimizers.py, made around the sound rule: it is handed, or says, something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from inspect import signature
from typing import Any

import numpy as np

from crosscheck.faults.catalogue import Replacement, Site, rows

NET = "nets.logistic_regression.LogisticRegression"
FILE = "reference.training.optimizers:"
NEVER = 10**9
"""So many steps that no bias is left to correct."""


def at(rule: str) -> Site:
    return Site(NET, f"training.optimizers.{rule}")


def stepping(step: Callable[..., Any]) -> Replacement:
    """The optimizer whose step is `step(sound_step, p, g, state, **hyperparameters)`."""

    def replacement(original: Any) -> Any:
        def make(*values: float, **named: float) -> Any:
            sound, given = original(*values, **named), signature(original).bind(*values, **named).arguments
            return replace(sound, step=lambda p, g, state: step(sound.step, p, g, state, **given))

        return make

    return replacement


def each(function: Callable[..., Any], *flat: Any) -> dict[str, Any]:
    """The function of the entries of flat dicts, path by path."""
    return {path: function(*(values[path] for values in flat)) for path in flat[0]}


def epsilon_in_root(step: Any, p: Any, g: Any, state: Any, alpha: float, beta: float, epsilon: float) -> Any:
    _, state = step(p, g, state)
    return each(lambda W, dW, s: W - alpha * dW / np.sqrt(s + epsilon), p, g, state["s"]), state


def velocity_before(step: Any, p: Any, g: Any, state: Any, alpha: float, beta: float) -> Any:
    """Nesterov's step along the velocity it had before."""
    _, after = step(p, g, state)
    return each(lambda W, dW, v: W - alpha * (beta * v + (1 - beta) * dW), p, g, state["v"]), after


def coupled(step: Any, p: Any, g: Any, state: Any, lambd: float, **more: float) -> Any:
    """AdamW whose decay goes through the moments; the decay beside them is taken back."""
    moved, state = step(p, each(lambda W, dW: dW + lambd * W, p, g), state)
    return each(lambda W, W_before: W + more["alpha"] * lambd * W_before, moved, p), state


descent = rows("numpy", "gradient descent", bites="training", where=FILE + "gradient_descent")
momentum = rows("numpy", "momentum", bites="training", where=FILE + "momentum")
nesterov = rows("numpy", "nesterov", bites="training", where=FILE + "nesterov")
root_mean_square = rows("numpy", "rmsprop", bites="training", where=FILE + "rmsprop")
adaptive = rows("numpy", "adam", bites="training", where=FILE + "adam")
decoupled = rows("numpy", "adamw", bites="training", where=FILE + "adamw")

FAULTS = [
    descent(
        "climbs",
        stepping(lambda step, p, g, state, alpha: step(p, each(np.negative, g), state)),
        at("gradient_descent"),
    ),
    momentum(
        "velocity without the 1 - beta",
        stepping(lambda step, p, g, state, alpha, beta: step(p, each(lambda dW: dW / (1 - beta), g), state)),
        at("momentum"),
        evidence=("sgd-momentum-vs-ema",),
    ),
    momentum(
        "beta taken for its complement",
        lambda original: lambda alpha, beta=0.9: original(alpha, 1 - beta),
        at("momentum"),
        evidence=("ema-step-size-complement",),
    ),
    nesterov(
        "looks ahead from the old velocity", stepping(velocity_before), at("nesterov"), evidence=("sgd-nesterov-form",)
    ),
    root_mean_square(
        "epsilon inside the root", stepping(epsilon_in_root), at("rmsprop"), evidence=("rmsprop-eps-placement",)
    ),
    adaptive(
        "no bias correction",
        stepping(lambda step, p, g, state, **_: step(p, g, state | {"t": NEVER})),
        at("adam"),
    ),
    adaptive(
        "bias correction one step ahead",
        stepping(lambda step, p, g, state, **_: step(p, g, state | {"t": state["t"] + 1})),
        at("adam"),
        evidence=("schedule-off-by-one",),
    ),
    adaptive(
        "betas exchanged",
        lambda original: lambda alpha, beta1=0.9, beta2=0.999, epsilon=1e-8: original(alpha, beta2, beta1, epsilon),
        at("adam"),
    ),
    decoupled(
        "decay coupled: through the gradient", stepping(coupled), at("adamw"), evidence=("adam-l2-vs-decoupled",)
    ),
    decoupled(
        "decay not multiplied by the learning rate",
        lambda original: lambda alpha, lambd, **more: original(alpha=alpha, lambd=lambd / alpha, **more),
        at("adamw"),
    ),
]
