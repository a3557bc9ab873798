"""Mistakes in torch_impl/training/optimizers.py, each refused at the first of the shared steps that shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from crosscheck.faults.catalogue import Replacement, Site, rows

NET = "nets.logistic_regression.LogisticRegression"
FILE = "torch_impl.training.optimizers:"


def at(rule: str) -> Site:
    return Site(NET, f"training.optimizers.{rule}")


class Hand(torch.optim.Optimizer):  # type: ignore[misc]
    """An optimizer whose step for one parameter is `rule(p, g, state, t)`, with torch's own names in the state."""

    def __init__(self, parameters: Any, rule: Callable[..., None]):
        super().__init__(parameters, {})
        self.rule = rule

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: Any = None) -> None:
        for p in self.param_groups[0]["params"]:
            state = self.state[p]
            state["step"] = state.get("step", torch.tensor(0.0)) + 1
            self.rule(p, p.grad, state, float(state["step"]))


def average(state: Any, name: str, value: Any, beta: float) -> Any:
    state[name] = beta * state.get(name, torch.zeros_like(value)) + (1 - beta) * value
    return state[name]


def adam(update: Callable[..., Any]) -> Replacement:
    """Adam whose parameters move by -alpha update(v, s, t, beta1, beta2, epsilon)."""

    def faulty(parameters: Any, alpha: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> Any:
        def rule(p: Any, g: Any, state: Any, t: float) -> None:
            v, s = average(state, "exp_avg", g, beta1), average(state, "exp_avg_sq", g * g, beta2)
            p.sub_(alpha * update(v, s, t, beta1, beta2, epsilon))

        return Hand(parameters, rule)

    return lambda original: faulty


def rmsprop(update: Callable[..., Any]) -> Replacement:
    """RMSprop whose parameters move by -alpha update(g, s, epsilon)."""

    def faulty(parameters: Any, alpha: float, beta: float = 0.9, epsilon: float = 1e-8) -> Any:
        def rule(p: Any, g: Any, state: Any, t: float) -> None:
            p.sub_(alpha * update(g, average(state, "square_avg", g * g, beta), epsilon))

        return Hand(parameters, rule)

    return lambda original: faulty


def sgd(**options: Any) -> Callable[..., Any]:
    return lambda parameters, alpha: torch.optim.SGD(parameters, lr=alpha, **options)


descent = rows("torch", "gradient descent", bites="training", where=FILE + "gradient_descent")
momentum = rows("torch", "momentum", bites="training", where=FILE + "momentum")
nesterov = rows("torch", "nesterov", bites="training", where=FILE + "nesterov")
root_mean_square = rows("torch", "rmsprop", bites="training", where=FILE + "rmsprop")
adaptive = rows("torch", "adam", bites="training", where=FILE + "adam")
decoupled = rows("torch", "adamw", bites="training", where=FILE + "adamw")

FAULTS = [
    descent("climbs", lambda _: sgd(maximize=True), at("gradient_descent")),
    descent("decays weights unasked", lambda _: sgd(weight_decay=1e-4), at("gradient_descent")),
    descent(
        "gradient clipped to norm one tenth",
        lambda original: (
            lambda parameters, alpha: Hand(
                parameters, lambda p, g, state, t: p.sub_(alpha * g * (0.1 / (g.norm() + 1e-6)).clamp(max=1))
            )
        ),
        at("gradient_descent"),
        evidence=("clip-per-parameter-vs-global", "clip-global-norm-eps"),
    ),
    momentum(
        "velocity without the 1 - beta",
        lambda _: lambda parameters, alpha, beta=0.9: torch.optim.SGD(parameters, lr=alpha, momentum=beta),
        at("momentum"),
        evidence=("sgd-momentum-vs-ema",),
    ),
    momentum(
        "first velocity is the whole gradient",
        lambda _: (
            lambda parameters, alpha, beta=0.9: torch.optim.SGD(
                parameters, lr=alpha * (1 - beta), momentum=beta, dampening=1 - beta
            )
        ),
        at("momentum"),
        evidence=("sgd-dampening",),
    ),
    momentum(
        "beta taken for its complement",
        lambda original: (
            lambda parameters, alpha, beta=0.9: torch.optim.SGD(parameters, lr=alpha * (1 - beta), momentum=1 - beta)
        ),
        at("momentum"),
        evidence=("ema-step-size-complement",),
    ),
    momentum(
        "no momentum",
        lambda _: lambda parameters, alpha, beta=0.9: torch.optim.SGD(parameters, lr=alpha),
        at("momentum"),
    ),
    nesterov(
        "no look ahead",
        lambda _: lambda parameters, alpha, beta=0.9: torch.optim.SGD(parameters, lr=alpha * (1 - beta), momentum=beta),
        at("nesterov"),
        evidence=("sgd-nesterov-form",),
    ),
    root_mean_square(
        "library's own decay",
        lambda _: (
            lambda parameters, alpha, beta=0.9, epsilon=1e-8: torch.optim.RMSprop(parameters, lr=alpha, eps=epsilon)
        ),
        at("rmsprop"),
        evidence=("rmsprop-decay-default",),
    ),
    root_mean_square(
        "epsilon inside the root",
        rmsprop(lambda g, s, epsilon: g / (s + epsilon).sqrt()),
        at("rmsprop"),
        evidence=("rmsprop-eps-placement",),
    ),
    root_mean_square("no root", rmsprop(lambda g, s, epsilon: g / (s + epsilon)), at("rmsprop")),
    root_mean_square(
        "centered",
        lambda _: (
            lambda parameters, alpha, beta=0.9, epsilon=1e-8: Hand(
                parameters,
                lambda p, g, state, t: p.sub_(
                    alpha
                    * g
                    / (
                        (average(state, "square_avg", g * g, beta) - ((1 - beta) * g).square()).clamp(min=0).sqrt()
                        + epsilon
                    )
                ),
            )
        ),
        at("rmsprop"),
        evidence=("rmsprop-centered",),
    ),
    root_mean_square(
        "written out", rmsprop(lambda g, s, epsilon: g / (s.sqrt() + epsilon)), at("rmsprop"), bites="nothing"
    ),
    adaptive("no bias correction", adam(lambda v, s, t, b1, b2, eps: v / (s.sqrt() + eps)), at("adam")),
    adaptive(
        "first moment alone corrected",
        adam(lambda v, s, t, b1, b2, eps: v / (1 - b1**t) / (s.sqrt() + eps)),
        at("adam"),
    ),
    adaptive(
        "bias correction counts steps from zero",
        adam(lambda v, s, t, b1, b2, eps: v / (1 - b1 ** (t - 1 or 1)) / ((s / (1 - b2 ** (t - 1 or 1))).sqrt() + eps)),
        at("adam"),
        evidence=("schedule-off-by-one",),
    ),
    adaptive(
        "bias correction one step ahead",
        adam(lambda v, s, t, b1, b2, eps: v / (1 - b1 ** (t + 1)) / ((s / (1 - b2 ** (t + 1))).sqrt() + eps)),
        at("adam"),
        evidence=("schedule-off-by-one",),
    ),
    adaptive(
        "epsilon inside the root",
        adam(lambda v, s, t, b1, b2, eps: v / (1 - b1**t) / (s / (1 - b2**t) + eps).sqrt()),
        at("adam"),
        evidence=("adam-eps-root",),
    ),
    adaptive(
        "epsilon before the bias correction",
        adam(lambda v, s, t, b1, b2, eps: v / (1 - b1**t) * (1 - b2**t) ** 0.5 / (s.sqrt() + eps)),
        at("adam"),
        evidence=("adam-eps-root", "radam-eps-scaling"),
    ),
    adaptive(
        "betas exchanged",
        lambda original: (
            lambda parameters, alpha, beta1=0.9, beta2=0.999, epsilon=1e-8: original(
                parameters, alpha, beta2, beta1, epsilon
            )
        ),
        at("adam"),
    ),
    adaptive(
        "epsilon left at the library's default",
        lambda _: (
            lambda parameters, alpha, beta1=0.9, beta2=0.999, epsilon=1e-8: torch.optim.Adam(
                parameters, lr=alpha, betas=(beta1, beta2)
            )
        ),
        at("adam"),
    ),
    adaptive(
        "Nesterov's variant",
        adam(
            lambda v, s, t, b1, b2, eps: (
                (b1 * v / (1 - b1 ** (t + 1)) + v / (1 - b1**t) * (1 - b1)) / ((s / (1 - b2**t)).sqrt() + eps)
            )
        ),
        at("adam"),
        evidence=("nadam-momentum-decay",),
    ),
    adaptive(
        "largest second moment kept: amsgrad",
        lambda _: (
            lambda parameters, alpha, beta1=0.9, beta2=0.999, epsilon=1e-8: torch.optim.Adam(
                parameters, lr=alpha, betas=(beta1, beta2), eps=epsilon, amsgrad=True
            )
        ),
        at("adam"),
        evidence=("amsgrad",),
    ),
    adaptive(
        "written out",
        adam(lambda v, s, t, b1, b2, eps: v / (1 - b1**t) / ((s / (1 - b2**t)).sqrt() + eps)),
        at("adam"),
        bites="nothing",
    ),
    decoupled(
        "decay coupled: through the gradient",
        lambda _: (
            lambda parameters, alpha, beta1=0.9, beta2=0.999, epsilon=1e-8, lambd=1e-2: torch.optim.Adam(
                parameters, lr=alpha, betas=(beta1, beta2), eps=epsilon, weight_decay=lambd
            )
        ),
        at("adamw"),
        evidence=("adam-l2-vs-decoupled",),
    ),
    decoupled(
        "decay not multiplied by the learning rate",
        lambda original: (
            lambda parameters, alpha, beta1=0.9, beta2=0.999, epsilon=1e-8, lambd=1e-2: original(
                parameters, alpha, beta1, beta2, epsilon, lambd / alpha
            )
        ),
        at("adamw"),
    ),
    decoupled(
        "biases spared the decay",
        lambda _: (
            lambda parameters, alpha, beta1=0.9, beta2=0.999, epsilon=1e-8, lambd=1e-2: torch.optim.AdamW(
                [
                    {"params": [p for p in parameters if p.ndim > 1], "weight_decay": lambd},
                    {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
                ],
                lr=alpha,
                betas=(beta1, beta2),
                eps=epsilon,
            )
        ),
        at("adamw"),
        evidence=("adamw-mask-no-decay",),
    ),
    decoupled(
        "decay left at the library's default",
        lambda original: (
            lambda parameters, alpha, beta1=0.9, beta2=0.999, epsilon=1e-8, lambd=1e-2: original(
                parameters, alpha, beta1, beta2, epsilon
            )
        ),
        at("adamw"),
        evidence=("adamw-default-decay",),
    ),
    decoupled(
        "no decay",
        lambda original: (
            lambda parameters, alpha, beta1=0.9, beta2=0.999, epsilon=1e-8, lambd=1e-2: original(
                parameters, alpha, beta1, beta2, epsilon, 0.0
            )
        ),
        at("adamw"),
    ),
]
