"""Refusals of settings: each names the argument, what came and what was expected."""

from math import inf
from numbers import Integral, Real

import numpy as np


def positive(name, value):
    if not (isinstance(value, Real) and 0 < value < inf):
        raise ValueError(f"{name} is {value!r}; expected a positive number")


def non_negative(name, value):
    if not (isinstance(value, Real) and 0 <= value < inf):
        raise ValueError(f"{name} is {value!r}; expected a number that is not negative")


def decay_rate(name, value):
    """The weight of the past in an exponentially weighted average."""
    if not (isinstance(value, Real) and 0 <= value < 1):
        raise ValueError(f"{name} is {value!r}; expected a decay rate in [0, 1)")


def whole(name, value):
    if not (isinstance(value, Integral) and value >= 1):
        raise ValueError(f"{name} is {value!r}; expected a whole number of at least 1")


def epochs(epoch, first=0):
    """One epoch or an array of them, none before the first."""
    if np.any(epoch < first):
        raise ValueError(f"epoch is {epoch}; expected {first} or later")


def vector(name, values):
    if values.ndim != 1 or values.shape[0] == 0:
        raise ValueError(f"{name} has shape {values.shape}; expected a vector of at least one value")


def finite(name, values):
    if not np.all(np.isfinite(values)):
        raise ValueError(f"{name} holds {values[~np.isfinite(values)][0]}; expected finite numbers")


def double(name, values):
    """Double precision, without which a difference quotient is all rounding."""
    if values.dtype != float:
        raise ValueError(f"{name} is of {values.dtype}; expected float64")


def permutation(name, order, m):
    """Each of the m examples exactly once."""
    if not np.array_equal(np.sort(np.asarray(order)), np.arange(m)):
        raise ValueError(f"{name} is no permutation of the {m} examples; expected each of 0..{m - 1} exactly once")
