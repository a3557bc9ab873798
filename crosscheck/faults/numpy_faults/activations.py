"""Mistakes in reference/layers/activations.py: derivatives that were derived wrongly, and two values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from crosscheck.faults.catalogue import Replacement, Site, rows

FILE = "reference.layers.activations:"
CASE = "layers.activations."
NET = "nets.deep_net.DeepNet/activations"

row = rows("numpy", "activation", bites="gradient")


def derivative(dZ: Callable[[Any, Any, Any], Any]) -> Replacement:
    """The activation with another derivative, dZ(dA, Z, A)."""

    def replacement(original: Any) -> Any:
        def activation(Z: Any) -> Any:
            A, _ = original(Z)
            return A, lambda dA: dZ(dA, Z, A)

        return activation

    return replacement


def with_slope(dZ: Callable[[Any, Any, Any], Any]) -> Replacement:
    """Leaky ReLU with another derivative, dZ(dA, Z, slope)."""

    def replacement(original: Any) -> Any:
        def leaky_relu(Z: Any, slope: float = 0.01) -> Any:
            return original(Z, slope)[0], lambda dA: dZ(dA, Z, slope)

        return leaky_relu

    return replacement


def transposed(softmax: Any) -> Any:
    """Softmax of each row."""

    def faulty(Z: Any) -> Any:
        A, back = softmax(Z.T)
        return A.T, lambda dA: back(dA.T).T

    return faulty


FAULTS = [
    row(
        "sigmoid's derivative of z, not of a",
        derivative(lambda dA, Z, A: dA * Z * (1 - Z)),
        Site(CASE + "sigmoid"),
        where=FILE + "sigmoid",
    ),
    row(
        "tanh's derivative without its square",
        derivative(lambda dA, Z, A: dA * (1 - A)),
        Site(CASE + "tanh"),
        where=FILE + "tanh",
    ),
    row(
        "derivative of the activation left out",
        derivative(lambda dA, Z, A: dA),
        Site(NET, "layers.0"),
        where=FILE + "ACTIVATIONS.tanh",
    ),
    row(
        "relu's derivative is 1 at zero",
        derivative(lambda dA, Z, A: dA * (Z.real >= 0)),
        Site(CASE + "relu/kink"),
        where=FILE + "relu",
        evidence=("clamp-min-vs-maximum-grad",),
    ),
    row(
        "relu's derivative is a times da",
        derivative(lambda dA, Z, A: dA * A),
        Site(CASE + "relu"),
        where=FILE + "relu",
    ),
    row(
        "leaky relu's derivative is 0 where it leaks",
        with_slope(lambda dA, Z, slope: dA * (Z.real > 0)),
        Site(CASE + "leaky_relu"),
        where=FILE + "leaky_relu",
    ),
    row(
        "leaky relu's derivative is 1 at zero",
        with_slope(lambda dA, Z, slope: np.where(Z.real >= 0, dA, slope * dA)),
        Site(CASE + "leaky_relu/kink"),
        where=FILE + "leaky_relu",
        evidence=("leaky-relu-kink",),
    ),
    row(
        "swish's derivative without the gate's",
        derivative(lambda dA, Z, A: dA / (1 + np.exp(-Z))),
        Site(CASE + "swish"),
        where=FILE + "swish",
    ),
    row(
        "softmax's derivative as if its units were independent",
        derivative(lambda dA, Z, A: dA * A * (1 - A)),
        Site(CASE + "softmax"),
        where=FILE + "softmax",
    ),
    row(
        "softmax over the batch",
        transposed,
        Site(CASE + "softmax"),
        where=FILE + "softmax",
        bites="forward",
        evidence=("softmax-axis",),
    ),
    row(
        "leaky relu with another library's default slope",
        lambda leaky_relu: lambda Z, slope=0.01: leaky_relu(Z, 0.3),
        Site(CASE + "leaky_relu"),
        where=FILE + "leaky_relu",
        bites="forward",
        evidence=("leaky-relu-slope",),
    ),
]
