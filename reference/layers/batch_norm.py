"""Batch normalization over the examples of a batch, with running statistics for eval mode.

    train   mu = mean_i z_i      sigma2 = mean_i (z_i - mu)^2                 over the m examples, for each of n units
    eval    mu, sigma2 = the running statistics
    both    Z_norm = (Z - mu) / sqrt(sigma2 + epsilon)          Z_tilde = gamma Z_norm + beta

    running statistics, exponentially weighted: mu <- momentum mu + (1 - momentum) mu_batch; sigma2 so too (biased, 1/m)

    dgamma = sum_i dZ_tilde Z_norm     dbeta = sum_i dZ_tilde     and with dN = gamma dZ_tilde
    dZ = (dN - mean_i dN - Z_norm mean_i(dN Z_norm)) / sqrt(sigma2 + epsilon)      since mu and sigma2 depend on Z too

Z [n m]; gamma, beta, mu, sigma2 [n 1]; images are batch_norm_2d.py's. Frameworks differ in whose weight `momentum` is
and in 1/m against 1/(m-1): CONVENTIONS.md, "Batch norm".
Source: Course 2, week 3, "Batch normalization"; Ioffe & Szegedy 2015.
"""

from dataclasses import dataclass

import numpy as np

from reference.checks import has_variance, matrix
from reference.module import Module


@dataclass(frozen=True)
class BatchNorm(Module):
    n: int
    momentum: float = 0.9
    epsilon: float = 1e-5

    params = {"gamma": "n 1", "beta": "n 1"}
    state = {"mu": "n 1", "sigma2": "n 1"}

    def apply(self, p, s, Z, *, mode):
        matrix("Z", Z, rows=self.n)
        return batch_norm(p, s, Z, 1, self.momentum, self.epsilon, mode.train)


def batch_norm(p, s, Z, axis, momentum, epsilon, train):
    """Z_tilde, the running statistics afterwards and the pullback; `axis` is what a unit's numbers lie along."""
    if train:
        mu, sigma2 = batch_statistics(Z, axis)
        s = averaged(s, mu, sigma2, momentum)
    else:
        mu, sigma2 = s["mu"], s["sigma2"]
    gamma = p["gamma"]
    inverse = 1 / np.sqrt(sigma2 + epsilon)
    Z_norm = (Z - mu) * inverse

    def back(dZ_tilde):
        dN = gamma * dZ_tilde
        if train:
            dN = dN - dN.mean(axis=axis, keepdims=True) - Z_norm * (dN * Z_norm).mean(axis=axis, keepdims=True)
        dgamma = (dZ_tilde * Z_norm).sum(axis=axis, keepdims=True)
        return {"gamma": dgamma, "beta": dZ_tilde.sum(axis=axis, keepdims=True)}, dN * inverse

    return gamma * Z_norm + p["beta"], s, back


def batch_statistics(Z, axis):
    """Mean and biased variance along `axis`, which is kept with length 1."""
    mu = Z.mean(axis=axis, keepdims=True)
    has_variance("Z", Z, units=mu.size)
    return mu, ((Z - mu) * (Z - mu)).mean(axis=axis, keepdims=True)


def averaged(s, mu, sigma2, momentum):
    """The running statistics after a batch with these."""
    return {name: momentum * s[name] + (1 - momentum) * new for name, new in (("mu", mu), ("sigma2", sigma2))}
