"""Mistakes in reference/layers/losses.py: costs, and derivatives that were derived wrongly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from crosscheck.faults.catalogue import Replacement, Site, rows

FILE = "reference.layers.losses:"
CASE = "layers.losses."
BINARY = Site("nets.logistic_regression.LogisticRegression", CASE + "logistic_loss_from_logits", "training")
CLASSES = Site("nets.softmax_regression.SoftmaxRegression", CASE + "softmax_cross_entropy_from_logits", "training")

row = rows("numpy", "loss", bites="gradient")


def scaled(value: Callable[[Any], Any] = lambda m: 1, gradient: Callable[[Any], Any] = lambda m: 1) -> Replacement:
    """The cost and its derivative times functions of the number of examples."""

    def replacement(original: Any) -> Any:
        def cost(A: Any, Y: Any) -> Any:
            J, back = original(A, Y)
            return value(A.shape[1]) * J, lambda dJ: gradient(A.shape[1]) * back(dJ)

        return cost

    return replacement


def derivative(of: Callable[[Any, Any], Any]) -> Replacement:
    """The cost with another derivative, of(A, Y) for dJ = 1."""

    def replacement(original: Any) -> Any:
        return lambda A, Y: (original(A, Y)[0], lambda dJ: dJ * of(A, Y))

    return replacement


FAULTS = [
    row(
        "squared error without its half, value and derivative",
        scaled(lambda m: 2, lambda m: 2),
        Site(CASE + "squared_error"),
        where=FILE + "squared_error",
        bites="forward",
        evidence=("mse-l2-half",),
    ),
    row(
        "squared error's derivative without the 1/m",
        scaled(gradient=lambda m: m),
        Site(CASE + "squared_error"),
        where=FILE + "squared_error",
    ),
    row(
        "squared error's derivative without the sigmoid's",
        derivative(lambda Z, Y: (1 / (1 + np.exp(-Z)) - Y) / Z.shape[1]),
        Site(CASE + "squared_error_from_logits"),
        where=FILE + "squared_error_from_logits",
    ),
    row(
        "logistic loss's derivative of the wrong sign",
        scaled(gradient=lambda m: -1),
        Site(CASE + "logistic_loss"),
        where=FILE + "logistic_loss",
    ),
    row(
        "logistic loss's derivative without the 1/m",
        scaled(gradient=lambda m: m),
        Site(CASE + "logistic_loss_from_logits"),
        BINARY,
        where=FILE + "logistic_loss_from_logits",
    ),
    row(
        "cross-entropy without the 1/m, value and derivative",
        scaled(lambda m: m, lambda m: m),
        Site(CASE + "softmax_cross_entropy_from_logits"),
        CLASSES,
        where=FILE + "softmax_cross_entropy_from_logits",
        bites="forward",
        evidence=("ce-reduction-default",),
    ),
    row(
        "cross-entropy's derivative without the 1/m",
        scaled(gradient=lambda m: m),
        Site(CASE + "softmax_cross_entropy_from_logits"),
        CLASSES,
        where=FILE + "softmax_cross_entropy_from_logits",
    ),
    row(
        "cross-entropy's derivative of the logits for that of the probabilities",
        derivative(lambda A, Y: (A - Y) / A.shape[1]),
        Site(CASE + "softmax_cross_entropy"),
        where=FILE + "softmax_cross_entropy",
    ),
]
