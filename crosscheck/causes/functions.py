"""The functions of one number that nets apply, each under the name by which explanations call it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.special import erf, expit

from crosscheck.axes import Array

Function = Callable[[Array], Array]


def same(x: Array) -> Array:
    return x


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def gelu(x: Array) -> Array:
    return np.asarray(x * 0.5 * (1 + erf(x / np.sqrt(2))))


def gelu_tanh(x: Array) -> Array:
    return np.asarray(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))


def softplus(x: Array, b: float = 1.0) -> Array:
    return np.asarray(np.logaddexp(b * x, 0) / b)


def elu(x: Array, a: float = 1.0, b: float = 1.0) -> Array:
    return np.where(x > 0, x, a * np.expm1(np.minimum(x, 0) / b))


def leaky(slope: float) -> Function:
    return lambda x: np.where(x > 0, x, slope * x)


def line(slope: float) -> Function:
    return lambda x: np.clip(slope * x + 0.5, 0, 1)


def twice(x: Array, f: Function) -> Array:
    return f(f(x))


def swish(beta: float) -> Function:
    return lambda x: x * expit(beta * x)


NONE, RELU, SIGMOID, TANH, SILU = "no activation", "relu(x)", "sigmoid(x)", "tanh(x)", "silu, x sigmoid(x)"
GELU, GELU_TANH, QUICK = "exact gelu, x Phi(x)", "gelu by tanh", "quick gelu, x sigmoid(1.702 x)"
THRESHOLD = "softplus, x itself beyond 20"

LEAKY: dict[str, Function] = {
    f"leaky relu, slope {a:g}": leaky(a) for a in (0.01, 0.1, 0.2, 0.3, 0.05, 0.25, 0.5, 11 / 48, 1 / 5.5)
}
HARD: dict[str, Function] = {
    "hard sigmoid, relu6(x + 3)/6": line(1 / 6),
    "hard sigmoid, clip(0.2 x + 0.5)": line(0.2),
    "hard swish, x relu6(x + 3)/6": lambda x: x * line(1 / 6)(x),
    "hard swish, x clip(0.2 x + 0.5)": lambda x: x * line(0.2)(x),
}
MAIN: dict[str, Function] = {
    NONE: same,
    RELU: relu,
    GELU: gelu,
    GELU_TANH: gelu_tanh,
    SILU: swish(1.0),
    TANH: np.tanh,
    SIGMOID: expit,
    QUICK: swish(1.702),
    "leaky relu, slope 0.01": leaky(0.01),
    "leaky relu, slope 0.1": leaky(0.1),
    "leaky relu, slope 0.2": leaky(0.2),
    "relu6(x)": lambda x: np.clip(x, 0, 6),
    "hard swish, x relu6(x + 3)/6": HARD["hard swish, x relu6(x + 3)/6"],
    "hard sigmoid, relu6(x + 3)/6": HARD["hard sigmoid, relu6(x + 3)/6"],
    "elu": elu,
}
"""The activations that nets commonly have."""
ALPHAS = (0.5, 2.0, 1.5, 0.1, 0.2, 0.25, 1.2, 1.3, 1.6732632423543772, 3.0)
ELUS: dict[str, Function] = {
    "elu": elu,
    **{f"elu, alpha {a:.4g}": partial(elu, a=a) for a in ALPHAS},
    **{f"celu, alpha {a:.4g}": partial(elu, a=a, b=a) for a in ALPHAS},
}
SOFTPLUS: dict[str, Function] = {
    f"softplus, beta {b:g}": partial(softplus, b=b) for b in (1.0, 2.0, 0.5, 3.0, 5.0, 10.0, 20.0, 100.0)
}
SWISH: dict[str, Function] = {SILU: swish(1.0)} | {f"swish, beta {b:g}": swish(b) for b in (1.5, 2.0, 0.5, 3.0, 1.25)}
OTHERS: dict[str, Function] = {
    THRESHOLD: lambda x: np.where(x > 20, x, softplus(x)),
    "selu": lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772),
    "mish, x tanh(softplus(x))": lambda x: x * np.tanh(softplus(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "log sigmoid": lambda x: -softplus(-x),
    "relu(x)^2": lambda x: np.maximum(x, 0) ** 2,
    "clip(x, -1, 1)": lambda x: np.clip(x, -1, 1),
    "|x|": np.abs,
    "x - tanh(x)": lambda x: x - np.tanh(x),
    "soft shrink at 0.5": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "hard shrink at 0.5": lambda x: np.where(np.abs(x) > 0.5, x, 0),
}
EXPONENTIALS: dict[str, Function] = {"exp(x)": np.exp, "exp(x/2)": lambda x: np.exp(x / 2)}
"""Of a logarithm: of a variance, say."""
ONCE: dict[str, Function] = MAIN | LEAKY | ELUS | SOFTPLUS | HARD | SWISH | EXPONENTIALS | OTHERS
TWICE: dict[str, Function] = {
    f"{name}, twice": partial(twice, f=f) for name, f in MAIN.items() if name not in (NONE, RELU, "relu6(x)")
}
FUNCTIONS: dict[str, Function] = ONCE | TWICE
GELUS = (GELU, GELU_TANH, QUICK)


def is_activated(x: Array, y: Array) -> bool:
    """Whether one of two values is what a usual activation gives of the other."""
    near = 1e-9 * max(np.abs(x).max(initial=0), np.abs(y).max(initial=0)) if x.shape == y.shape else 0.0
    usual = [MAIN[name] for name in (RELU, SILU, GELU, GELU_TANH, SIGMOID, TANH)]
    return x.shape == y.shape and any(np.allclose(f(a), b, 0, near) for a, b in ((x, y), (y, x)) for f in usual)
