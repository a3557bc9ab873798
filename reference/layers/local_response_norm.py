"""Local response normalization: a pixel is damped by the activity of its n neighbouring channels.

    D = k + alpha sum_{|j - c| <= (n - 1)/2} X[.., j]^2          Y = X D^-beta           X, D, Y [m h w c]

    dX = dY D^-beta - 2 alpha beta X sum_{|j - c| <= (n - 1)/2} (dY X D^(-beta - 1))[.., j]
         the second term has the same sum again: c is a neighbour of j exactly if j is one of c

alpha multiplies the sum as in the paper; PyTorch multiplies the mean over n, so its alpha is n times this one.
Source: Krizhevsky, Sutskever & Hinton 2012, section 3.3 (AlexNet).
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from reference.checks import images
from reference.module import Layer


@dataclass(frozen=True)
class LocalResponseNorm(Layer):
    n: int = 5
    k: float = 2.0
    alpha: float = 1e-4
    beta: float = 0.75

    def __post_init__(self):
        if self.n % 2 == 0:
            raise ValueError(f"n is {self.n}; expected an odd number: the channel itself and as many on either side")

    def forward(self, p, X):
        images("X", X)
        D = self.k + self.alpha * self.neighbours(X * X)
        damping = D**-self.beta

        def back(dY):
            shared = self.neighbours(dY * X * damping / D)
            return {}, dY * damping - 2 * self.alpha * self.beta * X * shared

        return X * damping, back

    def neighbours(self, X):
        side = self.n // 2
        X_pad = np.pad(X, ((0, 0), (0, 0), (0, 0), (side, side)))
        return sliding_window_view(X_pad, self.n, axis=3).sum(axis=4)
