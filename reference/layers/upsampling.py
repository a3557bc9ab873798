"""Upsampling by a whole factor: every axis of an image is stretched by a matrix R [n scale, n] of fixed weights.

    Y = R_h X R_w^T for each image and channel                 dX = R_h^T dY R_w             X [m h w c]

    nearest    R[i, j] = 1 if j = floor(i / scale): every pixel is repeated
    bilinear   R[i, j] = max(0, 1 - |x_i - j|),  x_i = (i + 1/2)/scale - 1/2 and never beyond the edge pixels' centres

Pixels are little squares, so centres lie at i + 1/2 (align_corners=False in PyTorch, half-pixel centres elsewhere);
aligning the corners instead is not offered. At factors that are not whole numbers the frameworks' "nearest" differ:
CONVENTIONS.md, "Upsampling". Sources: Course 4, week 3, "U-Net"; Ronneberger, Fischer & Brox 2015.
"""

from dataclasses import dataclass

import numpy as np

from reference.checks import images, one_of, sizes
from reference.layers.padding import pair
from reference.module import Layer


@dataclass(frozen=True)
class Upsample(Layer):
    scale: int | tuple[int, int]
    kind: str = "nearest"

    def __post_init__(self):
        sizes(scale=self.scale)
        one_of("kind", self.kind, WEIGHTS)

    def forward(self, p, X):
        images("X", X)
        m, h, w, c = X.shape
        zero = X.real.reshape(-1)[:0].sum()  # the empty sum: the weights are rounded as the pixels are
        R_h, R_w = (WEIGHTS[self.kind](n, scale, zero) for n, scale in zip((h, w), pair(self.scale)))

        def back(dY):
            dX_tall = R_w.T @ dY
            return {}, (R_h.T @ dX_tall.reshape(m, -1, w * c)).reshape(X.shape)

        X_tall = (R_h @ X.reshape(m, h, w * c)).reshape(m, -1, w, c)
        return R_w @ X_tall, back


def nearest(n, scale, zero):
    return np.where(np.arange(n * scale)[:, None] // scale == np.arange(n), zero + 1, zero)


def bilinear(n, scale, zero):
    x = np.stack([zero + (i + 0.5) for i in range(n * scale)]) / scale - 0.5
    x = np.maximum(0, np.minimum(x, n - 1))
    return np.stack([np.maximum(0, 1 - np.abs(x - j)) for j in range(n)], axis=1)


WEIGHTS = {"nearest": nearest, "bilinear": bilinear}
