"""Batch normalization of images: a channel's mean and variance are over the examples and over all its pixels.

    mu = mean_{m, h, w} Z    sigma2 = mean_{m, h, w} (Z - mu)^2    Z_norm, Z_tilde and the pullback: see batch_norm.py

Z [m h w c]; gamma, beta, mu, sigma2 [1 1 1 c]. What frameworks differ in is told there and in CONVENTIONS.md, "Batch
norm". Source: Ioffe & Szegedy 2015, section 3.2.
"""

from dataclasses import dataclass

from reference.checks import images
from reference.layers.batch_norm import batch_norm
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
        return batch_norm(p, s, Z, (0, 1, 2), self.momentum, self.epsilon, mode.train)
