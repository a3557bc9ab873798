"""Batch normalization of images: a channel's mean and variance are over the examples and over all its pixels.

    mu = mean_{m, h, w} Z    sigma2 = mean_{m, h, w} (Z - mu)^2    Z_norm, Z_tilde and the pullback: see batch_norm.py

Z [m h w c]; gamma, beta, mu, sigma2 [1 1 1 c]. What frameworks differ in is told there and in CONVENTIONS.md, "Batch
norm". Source: Ioffe & Szegedy 2015, section 3.2.
"""

from dataclasses import dataclass

from reference import kernels
from reference.checks import has_variance, images
from reference.kernels.batch_norm import batch_norm as fast_batch_norm
from reference.layers.batch_norm import averaged, batch_norm
from reference.module import Module


@dataclass(frozen=True)
class BatchNorm2d(Module):
    c: int
    momentum: float = 0.9
    epsilon: float = 1e-5

    params = {"gamma": "1 1 1 c", "beta": "1 1 1 c"}
    state = {"mu": "1 1 1 c", "sigma2": "1 1 1 c"}

    def apply(self, p, s, Z, *, mode):
        images("Z", Z, channels=self.c)
        if mode.train and kernels.suit(Z, p["gamma"], p["beta"]):
            return self.apply_fast(p, s, Z)
        return batch_norm(p, s, Z, (0, 1, 2), self.momentum, self.epsilon, mode.train)

    def apply_fast(self, p, s, Z):
        has_variance("Z", Z, units=self.c)
        Z_tilde, mu, sigma2, back_channels = fast_batch_norm(Z, p["gamma"].ravel(), p["beta"].ravel(), self.epsilon)
        _, back_channels = kernels.held(Z_tilde, back_channels)

        def back(dZ_tilde):
            dgamma, dbeta, dZ = back_channels(dZ_tilde)
            return {"gamma": dgamma[None, None, None], "beta": dbeta[None, None, None]}, dZ

        s = averaged(s, mu[None, None, None], sigma2[None, None, None], self.momentum)
        return Z_tilde, s, back
