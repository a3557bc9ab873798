"""Refusals: each names the argument, what came and what was expected."""

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
