"""Fresh values for every parameter and buffer but tables, so that nothing hides behind the zeros and ones of an
initializer, and small moves of them, by which noise is told from difference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.model import Leaf
from crosscheck.pairing.names import role
from crosscheck.twins.measure import STEP
from crosscheck.twins.tables import is_table

LARGE = 8.0
"""Well beyond the cap of relu6, to which what is normalized is added."""


def fresh(leaves: Iterable[Leaf], values: Mapping[str, Array], seed: int) -> dict[str, Array]:
    """Random values of the same shapes and of about the size of the given ones."""
    rng = np.random.default_rng(seed)
    return {leaf.path: draw(rng, leaf, values[leaf.path]) for leaf in leaves}


def draw(rng: np.random.Generator, leaf: Leaf, given: Array) -> Array:
    if given.dtype.kind != "f":
        return given
    found, shape = role(leaf), given.shape
    if is_table(leaf, given):
        return given
    if found == "var":
        return np.asarray(rng.uniform(0.5, 2.0, shape))
    if found == "scale" or (given.size > 1 and (given == 1).all()):
        return np.asarray(rng.uniform(0.5, 1.5, shape))
    if found == "bias" and "Norm" in leaf.kind and given.size:
        bias = np.asarray(0.3 * rng.standard_normal(shape))
        bias.flat[rng.integers(given.size)] = LARGE  # one channel beyond the caps of relu6 and its like
        return bias
    if found in ("bias", "mean") or not given.any():
        return np.asarray(0.3 * rng.standard_normal(shape))
    spread = float(given.std())
    return np.asarray(rng.standard_normal(shape) * (spread if spread > 0 else 1 / np.sqrt(max(shape, default=1))))


def moved(values: Mapping[str, Array], seed: int, step: float = STEP) -> dict[str, Array]:
    """The values with every floating number moved by about `step` of its size."""
    rng = np.random.default_rng(seed)
    return {name: nudged(rng, value, step) for name, value in values.items()}


def nudged(rng: np.random.Generator, value: Array, step: float) -> Array:
    if value.dtype.kind != "f" or not value.size:
        return value
    wide = value.astype(np.float64)
    return wide * (1 + step * rng.standard_normal(value.shape))
