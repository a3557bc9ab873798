"""Update rules with their conventions as arguments: a parameter after a gradient each step.

SGD      v <- mu v + (1 - d) g                       p <- p - lr v                     (first step: v = g)
Adam     m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2      p <- p - lr m/(1 - b1^t) / (sqrt(v/(1 - b2^t)) + eps)
RMSprop  v <- a v + (1 - a) g^2                      p <- p - lr g / (sqrt(v) + eps)
Adagrad  s <- s + g^2                                p <- p - lr g / (sqrt(s) + eps)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crosscheck.axes import Array

Decay = tuple[str, float]
"""How, and how much: "none", "l2" (added to the gradient), "decoupled" (lr wd p beside the step), "direct" (wd p)."""


def coupled(g: Array, p: Array, decay: Decay) -> Array:
    return g + decay[1] * p if decay[0] == "l2" else g


def apart(p: Array, lr: float, decay: Decay) -> Array:
    """What decoupled decay takes away."""
    kind, rate = decay
    return np.asarray({"decoupled": lr * rate * p, "direct": rate * p}.get(kind, np.zeros_like(p)))


def sgd(
    p: Array, grads: Sequence[Array], lr: float, momentum: float, trace: str, nesterov: bool, decay: Decay
) -> Array:
    """trace: "sum" mu v + g, "mean" mu v + (1 - mu) g, "damped" as "mean" but undamped at first."""
    v: Array | None = None
    for g in grads:
        g = coupled(g, p, decay)
        scale = 1 - momentum if trace == "mean" or (trace == "damped" and v is not None) else 1.0
        v = scale * g if v is None else momentum * v + scale * g
        p = p - lr * (g + momentum * v if nesterov else v) - apart(p, lr, decay)
    return p


def adam(
    p: Array,
    grads: Sequence[Array],
    lr: float,
    betas: tuple[float, float],
    eps: float,
    place: str,
    correction: str,
    largest: str,
    decay: Decay,
) -> Array:
    """place of eps: "outside" the root, "inside" it, "hat" (outside, ahead of the correction); correction: "both",
    "none", "second only", "late" (one step behind); largest: amsgrad over v "raw" or "corrected", or ""."""
    b1, b2 = betas
    m, v, most = np.zeros_like(p), np.zeros_like(p), np.zeros_like(p)
    for t, raw in enumerate(grads, start=1):
        g = coupled(raw, p, decay)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        power = t + (correction == "late")
        c1 = 1 - b1**power if correction in ("both", "late") else 1.0
        c2 = 1 - b2**power if correction != "none" else 1.0
        most = np.maximum(most, v / c2 if largest == "corrected" else v)
        square = {"": v / c2, "raw": most / c2, "corrected": most}[largest]
        p = p - lr * m / c1 / root(square, eps, place, c2) - apart(p, lr, decay)
    return p


def root(square: Array, eps: float, place: str, correction: float = 1.0) -> Array:
    if place == "inside":
        return np.asarray(np.sqrt(square + eps))
    return np.asarray(np.sqrt(square) + (eps / np.sqrt(correction) if place == "hat" else eps))


def rmsprop(
    p: Array,
    grads: Sequence[Array],
    lr: float,
    alpha: float,
    eps: float,
    place: str,
    centered: bool,
    momentum: float,
    initial: float,
    decay: Decay,
) -> Array:
    v, mean, buffer = np.full_like(p, initial), np.zeros_like(p), np.zeros_like(p)
    for raw in grads:
        g = coupled(raw, p, decay)
        v, mean = alpha * v + (1 - alpha) * g * g, alpha * mean + (1 - alpha) * g
        buffer = momentum * buffer + g / root(v - mean**2 if centered else v, eps, place)
        p = p - lr * buffer - apart(p, lr, decay)
    return p


def adagrad(p: Array, grads: Sequence[Array], lr: float, initial: float, eps: float, place: str, decay: Decay) -> Array:
    s = np.full_like(p, initial)
    for raw in grads:
        g = coupled(raw, p, decay)
        s = s + g * g
        p = p - lr * g / root(s, eps, place) - apart(p, lr, decay)
    return p
