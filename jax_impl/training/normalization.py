"""Input normalization: every feature to mean 0 and variance 1, by the statistics of the training set for all sets.

    mu = mean x          sigma2 = mean (x - mu)^2, biased          (X - mu) / sqrt(sigma2)

A constant feature has sigma2 = 0 and is only centered. X (m, n) -> mu, sigma2 (n,).
"""

import jax.numpy as jnp


def input_statistics(X):
    _examples(X)
    mu = X[0] + (X - X[0]).mean(axis=0)  # so that a constant feature has a variance of exactly 0
    return mu, jnp.square(X - mu).mean(axis=0)


def normalize(X, mu, sigma2):
    _examples(X)
    if X.shape[1] != mu.shape[0]:
        raise ValueError(f"X has {X.shape[1]} features; expected {mu.shape[0]}, as many as mu")
    return (X - mu) / jnp.sqrt(jnp.where(sigma2 == 0, 1, sigma2))


def _examples(X):
    if X.ndim != 2 or X.shape[0] == 0:
        raise ValueError(f"X has shape {X.shape}; expected a matrix (m, n) of at least one example")
