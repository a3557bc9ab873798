"""Input normalization: every feature to mean 0 and variance 1, by the statistics of the training set for all sets.

    mu = mean x          sigma2 = mean (x - mu)^2, biased          (X - mu) / sqrt(sigma2)

A constant feature has sigma2 = 0 and is only centered. X (m, n) -> mu, sigma2 (n,).
"""

import torch


def input_statistics(X):
    _examples(X)
    mu = X[0] + (X - X[0]).mean(dim=0)  # so that a constant feature has a variance of exactly 0
    return mu, (X - mu).square().mean(dim=0)


def normalize(X, mu, sigma2):
    _examples(X)
    if X.shape[1] != mu.shape[0]:
        raise ValueError(f"X has {X.shape[1]} features; expected {mu.shape[0]}, as many as mu")
    return (X - mu) / torch.sqrt(torch.where(sigma2 == 0, 1.0, sigma2))


def _examples(X):
    if X.ndim != 2 or X.shape[0] == 0:
        raise ValueError(f"X has shape {tuple(X.shape)}; expected a matrix (m, n) of at least one example")
