"""Real data, as the notes have it: X [n m] and Y [n_y m] with examples as columns, split into training and held-out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from einops import rearrange, repeat
from sklearn.datasets import load_breast_cancer, load_digits

from crosscheck.axes import Array
from crosscheck.names import nearest
from reference import checks

HELD_OUT = 0.2
"""The share of the examples that is held out."""


@dataclass(frozen=True)
class DataSet:
    """Examples and their labels: 0 or 1 in one row, or one-hot columns. Refuses what cannot be trained on."""

    X: Array
    Y: Array

    def __post_init__(self) -> None:
        checks.matrix("X", self.X)
        checks.matrix("Y", self.Y)
        checks.finite("X", self.X)
        if self.Y.shape[1] != self.X.shape[1]:
            raise ValueError(f"Y has {self.Y.shape[1]} examples; expected {self.X.shape[1]}, as many as X")
        (checks.binary if self.Y.shape[0] == 1 else checks.distribution)("Y", self.Y)

    @property
    def m(self) -> int:
        return int(self.X.shape[1])

    def take(self, examples: Array) -> DataSet:
        return DataSet(self.X[:, examples], self.Y[:, examples])


def breast_cancer() -> DataSet:
    """569 tumors, 30 measurements each; 1 is benign."""
    X, y = load_breast_cancer(return_X_y=True)
    return DataSet(X.T, y[None, :].astype(float))


def digits() -> DataSet:
    """1797 handwritten digits of 8 x 8 pixels."""
    X, y = load_digits(return_X_y=True)
    return DataSet(X.T, one_hot(y, 10))


def small_digits() -> DataSet:
    """The digits as images [(h w) m] of 8 x 8 pixels from -1 to 1."""
    plain = digits()
    return DataSet(plain.X / 8 - 1, plain.Y)


def large_digits() -> DataSet:
    """The digits as images [(h w) m] of 20 x 20 pixels from -1 to 1: every pixel doubled, two of background around."""
    small = small_digits()
    doubled = repeat(small.X, "(h w) m -> (h 2) (w 2) m", h=8)
    padded = np.pad(doubled, ((2, 2), (2, 2), (0, 0)), constant_values=-1)
    return DataSet(rearrange(padded, "h w m -> (h w) m"), small.Y)


DATA_SETS: dict[str, Callable[[], DataSet]] = {
    "breast_cancer": breast_cancer,
    "digits": digits,
    "small_digits": small_digits,
    "large_digits": large_digits,
}


def load(name: str) -> DataSet:
    if name not in DATA_SETS:
        raise LookupError(f"unknown data set {name!r}{nearest(name, DATA_SETS)}")
    return DATA_SETS[name]()


def one_hot(y: Array, classes: int) -> Array:
    """Class numbers 0 .. classes-1 as one-hot columns [classes m]."""
    wrong = y[(y != np.floor(y)) | (y < 0) | (y >= classes)]
    if wrong.size:
        raise ValueError(f"y holds the label {wrong[0]}; expected whole numbers from 0 to {classes - 1}")
    return np.asarray(np.arange(classes)[:, None] == y[None, :], float)


def split(data: DataSet, seed: int = 0) -> tuple[DataSet, DataSet]:
    """The examples shuffled, then cut into training and held-out."""
    order = np.random.default_rng(seed).permutation(data.m)
    held_out = int(HELD_OUT * data.m)
    return data.take(order[held_out:]), data.take(order[:held_out])
