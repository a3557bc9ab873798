"""Upsampling by a whole factor: an image [m h w c] becomes [m (h scale) (w scale) c], height first, then width.

    nearest    every pixel is repeated `scale` times
    bilinear   pixels are little squares whose centres lie at i + 1/2 (align_corners=False); output pixel
               scale i + r lies t = (r + 1/2)/scale - 1/2 beyond the centre of input pixel i, and takes
               Y = (1 - |t|) X[i] + |t| X[i + sign t], where the pixel beyond the edge is the edge pixel again

    dX is the same sum read backwards; at an edge the pixel beyond hands its share to the edge pixel.

TensorFlow 1 and align_corners=True put the corner centres on each other instead: not offered. Frameworks also differ
at fractional factors, which U-Net and YOLO do not need. Source: Ronneberger et al. 2015 (U-Net); Course 4, week 3.
"""

from dataclasses import dataclass

import numpy as np

from reference.checks import images
from reference.layers.padding import pair
from reference.module import Layer


@dataclass(frozen=True)
class Upsample(Layer):
    scale: int | tuple[int, int]
    kind: str = "nearest"

    def __post_init__(self):
        if self.kind not in OFFSETS:
            raise ValueError(f"kind is {self.kind!r}; expected one of {', '.join(OFFSETS)}")

    def forward(self, p, X):
        images("X", X)
        scale_h, scale_w = pair(self.scale)
        tall, back_h = stretch(X, 1, OFFSETS[self.kind](scale_h))
        Y, back_w = stretch(tall, 2, OFFSETS[self.kind](scale_w))
        return Y, lambda dY: ({}, back_h(back_w(dY)))


OFFSETS = {
    "nearest": lambda scale: [0] * scale,
    "bilinear": lambda scale: [(r + 0.5) / scale - 0.5 for r in range(scale)],
}
"""How far from the centre of its input pixel each of the `scale` output pixels looks."""


def stretch(X, axis, offsets):
    """Y[scale i + r] = (1 - |t_r|) X[i] + |t_r| X[i + sign t_r] along `axis`."""
    n = X.shape[axis]
    phases = [X if t == 0 else (1 - abs(t)) * X + abs(t) * shifted(X, axis, t) for t in offsets]

    def back(dY):
        split = np.moveaxis(dY.reshape(*X.shape[:axis], n, len(offsets), *X.shape[axis + 1 :]), axis + 1, 0)
        shares = [
            dY_r if t == 0 else (1 - abs(t)) * dY_r + abs(t) * shifted_back(dY_r, axis, t)
            for dY_r, t in zip(split, offsets)
        ]
        return np.stack(shares).sum(axis=0)

    return np.stack(phases, axis=axis + 1).reshape(*X.shape[:axis], -1, *X.shape[axis + 1 :]), back


def shifted(X, axis, t):
    """X[i + sign t] at place i, and the edge again beyond the edge."""
    n = X.shape[axis]
    return X.take([min(i + 1, n - 1) if t > 0 else max(i - 1, 0) for i in range(n)], axis=axis)


def shifted_back(D, axis, t):
    """The adjoint of `shifted`: place i gives to place i + sign t, and the edge to itself."""
    ...
