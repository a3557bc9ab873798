"""Refusals: each names the argument, what came and what was expected."""

from math import inf
from numbers import Integral, Real

import numpy as np


def matrix(name, X, rows=None):
    """X must be a matrix [n m] with m >= 1 examples as columns and, if given, n = rows."""
    if X.ndim != 2:
        hint = " (a rank-1 array is neither a row nor a column: reshape it to (n, 1))" if X.ndim == 1 else ""
        raise ValueError(f"{name} has shape {X.shape}; expected a matrix (n, m) with one column an example{hint}")
    if rows is not None and X.shape[0] != rows:
        turned = " (it looks transposed: examples are columns)" if X.shape[1] == rows else ""
        raise ValueError(f"{name} has {X.shape[0]} rows; expected {rows}, one a feature{turned}")
    if X.shape[1] == 0:
        raise ValueError(f"{name} is an empty batch of shape {X.shape}; expected at least one example")


def same_shape(name, Y, other, X):
    """Y must have the shape of X, which is called `other`."""
    if Y.shape != X.shape:
        raise ValueError(f"{name} has shape {Y.shape}; expected {X.shape}, the shape of {other}")


def binary(name, Y):
    """Labels of a yes/no question: every entry 0 or 1."""
    if not np.all((Y == 0) | (Y == 1)):
        wrong = Y[(Y != 0) & (Y != 1)]
        raise ValueError(f"{name} holds {wrong.flat[0]}; expected labels 0 or 1")


def distribution(name, Y):
    """Targets over classes: columns of non-negative numbers that sum to 1 (one-hot or soft labels)."""
    total = Y.sum(axis=0)
    if np.any(Y < 0) or np.any(np.abs(total - 1) > 1e-6):
        raise ValueError(
            f"{name} has a column that sums to {total.flat[np.argmax(np.abs(total - 1))]}; "
            "expected one-hot columns (or probabilities that sum to 1 over axis 0)"
        )


def finite(name, X):
    """Every entry a number: neither NaN nor infinite."""
    if not np.all(np.isfinite(X)):
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(X))[0])
        raise ValueError(f"{name} holds {X[place]} at index {place}; expected finite numbers")


def images(name, X, channels=None, at_least=(1, 1), integers=False):
    """X must be a batch of images [m h w c] with, if given, c = channels and at least (h, w) pixels.

    Integers, which would be rounded or wrap around at 255, are refused unless `integers` says that they do not matter.
    """
    if X.ndim != 4:
        hint = " (one image is a batch of one: X[None])" if X.ndim == 3 else ""
        raise ValueError(f"{name} has shape {X.shape}; expected images (m, h, w, c){hint}")
    if channels is not None and X.shape[3] != channels:
        turned = " (it looks like m c h w: move the channels to the end)" if X.shape[1] == channels else ""
        raise ValueError(f"{name} has shape {X.shape}, so {X.shape[3]} channels; expected {channels}{turned}")
    if min(X.shape) == 0:
        raise ValueError(f"{name} has shape {X.shape}; expected at least one example, pixel and channel")
    if any(n < least for n, least in zip(X.shape[1:3], at_least)):
        raise ValueError(f"{name} has shape {X.shape}; expected at least {at_least[0]} x {at_least[1]} pixels")
    if not integers and X.dtype.kind in "biu":
        raise ValueError(f"{name} is of {X.dtype}; expected floats (X / 255.0 if it is 0 to 255)")


def maps(name, X, size, steps):
    """The images X must leave maps of (h, w) = size for a dense layer, after filters and pools (f, stride, padding)."""
    limits = [(max(1, smallest(n, steps)), smallest(n + 1, steps) - 1) for n in size]
    if not all(least <= n <= most for n, (least, most) in zip(X.shape[1:3], limits)):
        high, wide = (str(least) if least == most else f"{least} to {most}" for least, most in limits)
        raise ValueError(
            f"{name} has shape {X.shape}, so {X.shape[1]} x {X.shape[2]} pixels; expected {high} high and {wide} wide, "
            f"which leave the maps of h x w = {size[0]} x {size[1]} that are flattened"
        )


def smallest(n, steps):
    """The least pixels of which filters and pools (f, stride, padding), one after the other, leave n."""
    for f, s, p in reversed(steps):
        n = (n - 1) * s - 2 * p + f
    return n


def signed(name, Z):
    """Numbers that may be below zero: of unsigned ones the negative and the differences wrap around."""
    if getattr(Z, "dtype", np.dtype(float)).kind in "bu":  # a Python number has no dtype
        raise ValueError(f"{name} is of {Z.dtype}; expected floats")


def sizes(least=1, **values):
    """Each a whole number, or a pair (height, width) of them, none below the least."""
    for name, value in values.items():
        numbers = value if isinstance(value, tuple) and len(value) == 2 else (value,)
        if not all(isinstance(n, Integral) and n >= least for n in numbers):
            raise ValueError(
                f"{name} is {value!r}; expected a whole number of at least {least}, or a pair (height, width) of them"
            )


def divides(name, n, **wholes):
    """n must divide each of the numbers given by name."""
    for whole_name, whole in wholes.items():
        if n < 1 or whole % n:
            raise ValueError(f"{name} is {n}; expected a divisor of {whole_name} = {whole}")


def less(name, values, limit_name, limits):
    """Each of the values must lie below its limit and not below zero."""
    if any(not 0 <= value < limit for value, limit in zip(values, limits)):
        raise ValueError(
            f"{name} is {tuple(values)}; expected less than {limit_name}, {tuple(limits)}, and not below 0"
        )


def one_of(name, value, known):
    """The value must be one of the known names."""
    if value not in known:
        raise ValueError(f"{name} is {value!r}; expected one of {', '.join(map(repr, known))}")


def probability(name, value):
    """A number in (0, 1]."""
    if not 0 < value <= 1:
        raise ValueError(f"{name} is {value}; expected a probability in (0, 1]")


def has_variance(name, Z, units):
    """At least two numbers a unit, without which batch norm in train mode has no variance to divide by."""
    if Z.size < 2 * units:
        raise ValueError(f"{name} has shape {Z.shape}, one number a unit; batch norm in train mode needs at least 2")


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
