"""Input normalization: every feature to mean 0 and variance 1, by the statistics of the training set for all sets.

    mu = 1/m sum_i x_i          sigma2 = 1/m sum_i (x_i - mu)^2          (X - mu) / sqrt(sigma2)

A constant feature has sigma2 = 0 and is only centered. X [n m] -> mu, sigma2 [n 1].
Source: Course 2, week 1, "Normalizing inputs".
"""

import numpy as np

from reference.checks import matrix


def input_statistics(X):
    matrix("X", X)
    first = X[:, :1]
    mu = first + (X - first).mean(axis=1, keepdims=True)  # so that a constant feature has a variance of exactly 0
    return mu, ((X - mu) * (X - mu)).mean(axis=1, keepdims=True)


def normalize(X, mu, sigma2):
    matrix("X", X, rows=mu.shape[0])
    return (X - mu) / np.sqrt(np.where(sigma2 == 0, 1, sigma2))
