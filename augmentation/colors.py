"""Shifting colors: an image in another light is still of the same thing.

    color shift   Y[m, i, j] = X[m, i, j] + shift[m]                    (r, g, b) for each image
    PCA color     shift = P (lambda * alpha), alpha ~ N(0, sigma^2)     along the principal colors of the training set

lambda [c] and the columns of P [c c] are eigenvalues and eigenvectors of the covariance of the training set's pixels:
colors that vary together are shifted together, so that an image which is all purple loses red and blue, little green.
Nothing is clipped. Sources: Course 4, week 2, "Data augmentation"; Krizhevsky et al. 2012, section 4.1 (sigma = 0.1).
"""

import numpy as np

from augmentation.checks import one_each, pictures


def color_shift(X, shift):
    """`shift` for each image, [m c], or one [c] for all."""
    pictures("X", X)
    shift = one_each("shift", shift, len(X), X.shape[3:])
    return X + shift[:, None, None].astype(X.dtype)


def random_color_shift(X, rng, spread=0.05):
    return color_shift(X, rng.normal(0, spread, (len(X), X.shape[3])))


def principal_colors(X):
    """(lambda, P) of a training set, the smallest eigenvalue first."""
    pictures("X", X)
    pixels = X.reshape(-1, X.shape[3])
    centered = pixels - pixels.mean(axis=0)
    return np.linalg.eigh(centered.T @ centered / len(pixels))


def pca_color(X, colors, alpha):
    """`colors` are the training set's `principal_colors`, alpha [m c] or [c]."""
    pictures("X", X)
    eigenvalues, P = colors
    alpha = one_each("alpha", alpha, len(X), X.shape[3:])
    return color_shift(X, (alpha * eigenvalues) @ P.T)


def random_pca_color(X, colors, rng, sigma=0.1):
    return pca_color(X, colors, rng.normal(0, sigma, (len(X), X.shape[3])))
