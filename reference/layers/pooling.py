"""Pooling: each window of an image, channel by channel, becomes its largest value or its average.

    max      A[m, i, j, c] = max_{u, v} A_pad[m, s i + u, s j + v, c]        padded with -inf, so padding never wins
             dA_prev: dA goes to the winner of each window, the first in row-major order if several are equal
    average  A[m, i, j, c] = 1/count sum_{u, v} A_pad[m, s i + u, s j + v, c]            padded with 0
             dA_prev: dA/count goes to every pixel of the window
    global   A[c, m] = mean over h and w, one column an example             dA_prev = dA/(h w) everywhere

    `count` leaves the padding out unless `count_padding` (PyTorch and Flax count it if not told): CONVENTIONS.md,
"Average pool at the border". The stride is f if not given. A window that would reach over the edge is dropped.
A_prev [m h_prev w_prev c], A [m h w c]. Source: Course 4, week 1, "Pooling layers".
"""

from dataclasses import dataclass

import numpy as np

from reference import kernels
from reference.checks import images, less, sizes
from reference.kernels.average_pool import average_pool as fast_average_pool
from reference.kernels.max_pool import max_pool as fast_max_pool
from reference.layers.padding import pads, pair
from reference.module import Layer
from reference.windows import fold, windows


@dataclass(frozen=True)
class MaxPool(Layer):
    f: int | tuple[int, int]
    stride: int | tuple[int, int] | None = None
    padding: str | int | tuple = "valid"

    def __post_init__(self):
        sizes(f=self.f, stride=self.f if self.stride is None else self.stride)

    def forward(self, p, A_prev):
        A, back_pool = max_pool(A_prev, *geometry(self, A_prev))
        return A, lambda dA: ({}, back_pool(dA))


@dataclass(frozen=True)
class AveragePool(Layer):
    f: int | tuple[int, int]
    stride: int | tuple[int, int] | None = None
    padding: str | int | tuple = "valid"
    count_padding: bool = False

    def __post_init__(self):
        sizes(f=self.f, stride=self.f if self.stride is None else self.stride)

    def forward(self, p, A_prev):
        A, back_pool = average_pool(A_prev, *geometry(self, A_prev), self.count_padding)
        return A, lambda dA: ({}, back_pool(dA))


@dataclass(frozen=True)
class GlobalAveragePool(Layer):
    def forward(self, p, A_prev):
        images("A_prev", A_prev)
        h, w = A_prev.shape[1:3]

        def back(dA):
            return {}, np.broadcast_to(dA.T[:, None, None] / (h * w), A_prev.shape)

        return A_prev.mean(axis=(1, 2)).T, back


def geometry(pool, A_prev):
    """Window, stride and padding in pairs. Padding is at most half a window, so that none lies wholly in it."""
    images("A_prev", A_prev)
    f, stride = pair(pool.f), pair(pool.f if pool.stride is None else pool.stride)
    padding = pads(pool.padding, f, stride, size=A_prev.shape[1:3])
    less("padding", [max(side) for side in padding], "1 + half the window", [1 + n // 2 for n in f])
    return f, stride, padding


def max_pool(X, f, stride, padding):
    if kernels.suit(X):
        Y, back = fast_max_pool(X, f, stride, padding)
        if not np.isnan(Y.max(initial=-np.inf)):  # the kernel does not tell which of a window's numbers is none
            return kernels.held(Y, back)
    X_pad = np.pad(X, ((0, 0), *padding, (0, 0)), constant_values=-np.inf)
    V = windows(X_pad, f, stride)
    flat, size, shape = V.reshape(*V.shape[:4], -1), X_pad.shape[1:3], V.shape
    winner = flat.real.argmax(axis=4)[..., None]

    def back(dY):
        won = (np.arange(f[0] * f[1]) == winner).reshape(shape)
        return inside(fold(dY[..., None, None] * won, size, stride), X, padding)

    return np.take_along_axis(flat, winner, axis=4)[..., 0], back


def average_pool(X, f, stride, padding, count_padding):
    if kernels.suit(X):
        return kernels.held(*fast_average_pool(X, f, stride, padding, count_padding))
    border = ((0, 0), *padding, (0, 0))
    V = windows(np.pad(X, border), f, stride)
    one = np.ones_like(X[:1, :, :, :1])
    count = f[0] * f[1] if count_padding else windows(np.pad(one, border), f, stride).sum(axis=(4, 5))

    def back(dY):
        share = np.broadcast_to((dY / count)[..., None, None], V.shape)
        size = [n + sum(side) for n, side in zip(X.shape[1:3], padding)]
        return inside(fold(share, size, stride), X, padding)

    return V.sum(axis=(4, 5)) / count, back


def inside(dX_pad, X, padding):
    (top, _), (left, _) = padding
    return dX_pad[:, top : top + X.shape[1], left : left + X.shape[2]]
