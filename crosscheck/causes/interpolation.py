"""Interpolation along one axis as a matrix [out in] of weights.

source coordinate of output i:   half-pixel (i + 1/2) n/o - 1/2    corners i (n - 1)/(o - 1)    asymmetric i n/o
weight of input j:               k((j - coordinate) / s), s = 1, or n/o where shrinking with antialias
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from crosscheck.axes import Array

HALF, CORNERS, ASYMMETRIC = "half-pixel centers", "corners aligned", "no half pixel"


def coordinates(n: int, o: int, kind: str, scale: float = 0.0) -> Array:
    """Of every output, among the inputs; scale: given instead of o/n."""
    i, ratio = np.arange(o), 1 / scale if scale else n / o
    if kind == CORNERS:
        return np.asarray(i * ((n - 1) / (o - 1) if o > 1 else 0.0))
    return np.asarray((i + 0.5) * ratio - 0.5 if kind == HALF else i * ratio)


def triangle(t: Array) -> Array:
    return np.asarray(np.maximum(0, 1 - np.abs(t)))


def cubic(t: Array, a: float) -> Array:
    """Keys' kernel."""
    t = np.abs(t)
    near = ((a + 2) * t - (a + 3)) * t**2 + 1
    far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0))


def lanczos(t: Array) -> Array:
    return np.where(np.abs(t) < 3, np.sinc(t) * np.sinc(t / 3), 0)


KERNELS: dict[str, tuple[Callable[[Array], Array], int]] = {
    "linear": (triangle, 1),
    "cubic, a = -0.75": (lambda t: cubic(t, -0.75), 2),
    "cubic, a = -0.5": (lambda t: cubic(t, -0.5), 2),
    "lanczos": (lanczos, 3),
}


def smooth(n: int, o: int, kernel: str, kind: str, antialias: bool, repeat: bool, scale: float = 0.0) -> Array:
    """repeat: beyond the border the last element goes on; else the weights that are left are scaled up."""
    function, radius = KERNELS[kernel]
    at = coordinates(n, o, kind, scale)
    stretch = max(n / o, 1.0) if antialias else 1.0
    reach = int(np.ceil(radius * stretch)) + 1
    j = np.arange(-reach, n + reach) if repeat else np.arange(n)
    weights = function((j[None] - at[:, None]) / stretch)
    if repeat:
        folded = np.zeros((o, n))
        np.add.at(folded.T, np.clip(j, 0, n - 1), weights.T)
        weights = folded
    return np.asarray(weights / weights.sum(1, keepdims=True))


NEAREST: dict[str, Callable[[int, int, float], Array]] = {
    "nearest, floor(i n/o)": lambda n, o, s: np.floor(np.arange(o) * (1 / s if s else n / o)),
    "nearest, floor((i + 1/2) n/o)": lambda n, o, s: np.floor((np.arange(o) + 0.5) * (1 / s if s else n / o)),
    "nearest, round(i (n - 1)/(o - 1))": lambda n, o, s: np.rint(coordinates(n, o, CORNERS)),
}


def nearest(n: int, o: int, way: str, scale: float = 0.0) -> Array:
    chosen = np.clip(NEAREST[way](n, o, scale).astype(int), 0, n - 1)
    return np.asarray(np.eye(n)[chosen])


def area(n: int, o: int) -> Array:
    """The means of the inputs that each output covers, in part or whole: floor(i n/o) to ceil((i + 1) n/o)."""
    weights = np.zeros((o, n))
    for i in range(o):
        low, high = i * n // o, -(-(i + 1) * n // o)
        weights[i, low:high] = 1 / (high - low)
    return weights
