"""Mistakes in jax_impl/training/optimizers.py, each refused at the first of the shared steps that shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from crosscheck.faults.catalogue import Replacement, Site, rows

NET = "nets.logistic_regression.LogisticRegression"
FILE = "jax_impl.training.optimizers:"


def at(rule: str) -> Site:
    return Site(NET, f"training.optimizers.{rule}")


def adam(update: Callable[..., Any]) -> Replacement:
    """Adam whose parameters move by -alpha update(v, s, t, beta1, beta2, epsilon)."""

    def faulty(alpha: Any, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> Any:
        sound = optax.scale_by_adam(beta1, beta2, epsilon)

        def step(g: Any, state: Any, params: Any = None) -> Any:
            _, state = sound.update(g, state, params)
            t = state.count.astype(jnp.float64)
            return jax.tree.map(lambda v, s: update(v, s, t, beta1, beta2, epsilon), state.mu, state.nu), state

        return optax.chain(optax.GradientTransformation(sound.init, step), optax.scale(-alpha))

    return lambda original: faulty


descent = rows("jax", "gradient descent", bites="training", where=FILE + "gradient_descent")
momentum = rows("jax", "momentum", bites="training", where=FILE + "momentum")
nesterov = rows("jax", "nesterov", bites="training", where=FILE + "nesterov")
root_mean_square = rows("jax", "rmsprop", bites="training", where=FILE + "rmsprop")
adaptive = rows("jax", "adam", bites="training", where=FILE + "adam")
decoupled = rows("jax", "adamw", bites="training", where=FILE + "adamw")

FAULTS = [
    descent(
        "sign of the update forgotten",
        lambda _: lambda alpha: optax.scale(alpha),
        at("gradient_descent"),
        evidence=("adadelta-default-ascends",),
    ),
    descent(
        "gradient clipped to norm one tenth",
        lambda original: lambda alpha: optax.chain(optax.clip_by_global_norm(0.1), original(alpha)),
        at("gradient_descent"),
        evidence=("clip-per-parameter-vs-global",),
    ),
    momentum(
        "velocity without the 1 - beta",
        lambda _: lambda alpha, beta=0.9: optax.sgd(alpha, momentum=beta),
        at("momentum"),
        evidence=("sgd-momentum-vs-ema",),
    ),
    momentum(
        "velocity corrected for its bias",
        lambda _: (
            lambda alpha, beta=0.9: optax.chain(
                optax.scale(1 - beta), optax.trace(beta), optax.scale(-alpha / (1 - beta))
            )
        ),
        at("momentum"),
        evidence=("ema-debias",),
    ),
    momentum(
        "no momentum",
        lambda _: lambda alpha, beta=0.9: optax.sgd(alpha),
        at("momentum"),
    ),
    nesterov(
        "no look ahead",
        lambda _: lambda alpha, beta=0.9: optax.chain(optax.scale(1 - beta), optax.sgd(alpha, momentum=beta)),
        at("nesterov"),
        evidence=("sgd-nesterov-form",),
    ),
    root_mean_square(
        "epsilon inside the root, the library's default",
        lambda _: lambda alpha, beta=0.9, epsilon=1e-8: optax.rmsprop(alpha, beta, epsilon),
        at("rmsprop"),
        evidence=("rmsprop-eps-placement",),
    ),
    root_mean_square(
        "second moment starts at one",
        lambda _: (
            lambda alpha, beta=0.9, epsilon=1e-8: optax.rmsprop(
                alpha, beta, epsilon, initial_scale=1.0, eps_in_sqrt=False
            )
        ),
        at("rmsprop"),
        evidence=("rmsprop-initial-accumulator",),
    ),
    root_mean_square(
        "bias corrected as in Adam",
        lambda _: (
            lambda alpha, beta=0.9, epsilon=1e-8: optax.rmsprop(
                alpha, beta, epsilon, eps_in_sqrt=False, bias_correction=True
            )
        ),
        at("rmsprop"),
    ),
    adaptive("no bias correction", adam(lambda v, s, t, b1, b2, eps: v / (jnp.sqrt(s) + eps)), at("adam")),
    adaptive(
        "bias correction one step ahead",
        adam(lambda v, s, t, b1, b2, eps: v / (1 - b1 ** (t + 1)) / (jnp.sqrt(s / (1 - b2 ** (t + 1))) + eps)),
        at("adam"),
        evidence=("schedule-off-by-one",),
    ),
    adaptive(
        "epsilon inside the root",
        lambda _: (
            lambda alpha, beta1=0.9, beta2=0.999, epsilon=1e-8: optax.adam(
                alpha, beta1, beta2, eps=0.0, eps_root=epsilon
            )
        ),
        at("adam"),
        evidence=("adam-eps-root",),
    ),
    adaptive(
        "epsilon before the bias correction",
        adam(lambda v, s, t, b1, b2, eps: v / (1 - b1**t) * jnp.sqrt(1 - b2**t) / (jnp.sqrt(s) + eps)),
        at("adam"),
        evidence=("adam-eps-root", "radam-eps-scaling"),
    ),
    adaptive(
        "betas exchanged",
        lambda original: lambda alpha, beta1=0.9, beta2=0.999, epsilon=1e-8: original(alpha, beta2, beta1, epsilon),
        at("adam"),
    ),
    adaptive(
        "Nesterov's variant",
        lambda _: (
            lambda alpha, beta1=0.9, beta2=0.999, epsilon=1e-8: optax.adam(alpha, beta1, beta2, epsilon, nesterov=True)
        ),
        at("adam"),
        evidence=("nadam-momentum-decay",),
    ),
    adaptive(
        "largest second moment kept: amsgrad",
        lambda _: lambda alpha, beta1=0.9, beta2=0.999, epsilon=1e-8: optax.amsgrad(alpha, beta1, beta2, epsilon),
        at("adam"),
        evidence=("amsgrad",),
    ),
    adaptive(
        "written out",
        adam(lambda v, s, t, b1, b2, eps: v / (1 - b1**t) / (jnp.sqrt(s / (1 - b2**t)) + eps)),
        at("adam"),
        bites="nothing",
    ),
    decoupled(
        "decay coupled: through the gradient",
        lambda _: (
            lambda alpha, beta1=0.9, beta2=0.999, epsilon=1e-8, lambd=1e-2: optax.chain(
                optax.add_decayed_weights(lambd), optax.adam(alpha, beta1, beta2, epsilon)
            )
        ),
        at("adamw"),
        evidence=("adam-l2-vs-decoupled",),
    ),
    decoupled(
        "decay not multiplied by the learning rate",
        lambda _: (
            lambda alpha, beta1=0.9, beta2=0.999, epsilon=1e-8, lambd=1e-2: optax.chain(
                optax.adam(alpha, beta1, beta2, epsilon), optax.add_decayed_weights(-lambd)
            )
        ),
        at("adamw"),
    ),
    decoupled(
        "biases spared the decay",
        lambda _: (
            lambda alpha, beta1=0.9, beta2=0.999, epsilon=1e-8, lambd=1e-2: optax.adamw(
                alpha,
                beta1,
                beta2,
                epsilon,
                weight_decay=lambd,
                mask=lambda params: jax.tree.map(lambda p: p.ndim > 1, params),
            )
        ),
        at("adamw"),
        evidence=("adamw-mask-no-decay",),
    ),
    decoupled(
        "decay left at the library's default",
        lambda _: (
            lambda alpha, beta1=0.9, beta2=0.999, epsilon=1e-8, lambd=1e-2: optax.adamw(alpha, beta1, beta2, epsilon)
        ),
        at("adamw"),
        evidence=("adamw-default-decay",),
    ),
]
