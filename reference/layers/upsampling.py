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

from reference.checks import images, one_of
from reference.layers.padding import pair
from reference.module import Layer


@dataclass(frozen=True)
class Upsample(Layer):
    scale: int | tuple[int, int]
    kind: str = "nearest"

    def __post_init__(self):
        one_of("kind", self.kind, WEIGHTS)

    def forward(self, p, X):
        images("X", X)
        m, h, w, c = X.shape
        R_h, R_w = (WEIGHTS[self.kind](n, s).astype(X.dtype) for n, s in zip((h, w), pair(self.scale)))

        def back(dY):
            dX_tall = R_w.T @ dY
            return {}, (R_h.T @ dX_tall.reshape(m, -1, w * c)).reshape(X.shape)

        X_tall = (R_h @ X.reshape(m, h, w * c)).reshape(m, -1, w, c)
        return R_w @ X_tall, back


def nearest(n, scale):
    return np.arange(n * scale)[:, None] // scale == np.arange(n)


def bilinear(n, scale):
    x = ((np.arange(n * scale) + 0.5) / scale - 0.5).clip(0, n - 1)
    return np.maximum(0, 1 - np.abs(x[:, None] - np.arange(n)))


WEIGHTS = {"nearest": nearest, "bilinear": bilinear}
