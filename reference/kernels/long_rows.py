"""Rows that are joined to longer ones, for a short row costs more to begin than to add."""

from functools import lru_cache

import numpy as np


@lru_cache
def joined(rows, width, values):
    """How many of so many rows of this width make one of so many values at most: a divisor, so none is left over."""
    most = min(rows, values // max(1, width))
    return next((n for n in range(most, 0, -1) if rows % n == 0), 1)


def column_sums(X):
    """In float64, each made from no more numbers than there are rows; by the BLAS, a vector of ones times X."""
    return (ones(len(X), X.dtype) @ X).astype(np.float64)


@lru_cache
def ones(count, dtype):
    """Which nobody may change."""
    vector = np.ones(count, dtype)
    vector.flags.writeable = False
    return vector


def product_sums(X, Y):
    """The same of X Y, without an array of the products."""
    return np.einsum("ij,ij->j", X, Y).astype(np.float64)


def repeated(vector, times):
    """The vector so often along one row."""
    return vector[None].repeat(times, axis=0).reshape(-1)
