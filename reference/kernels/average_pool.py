"""Average pooling, window by window of each channel.

    Y[m, i, j, k] = 1/count sum_{u, v} X_pad[m, s i + u, s j + v, k]
    dX_pad[m, s i + u, s j + v, k] += dY[m, i, j, k] / count

First down the columns of the windows, then along the rows, and back in reverse: f_h + f_w sums instead of f_h f_w.
"""

import numpy as np

from reference.kernels.blocks import blocks, pad, unpad
from reference.kernels.threads import share, total

CHUNK_VALUES = 1 << 16


def average_pool(X, f, stride, padding, count_padding):
    size = [n + sum(side) for n, side in zip(X.shape[1:3], padding)]
    h, w = ((n - k) // s + 1 for n, k, s in zip(size, f, stride))
    ones = pad(np.ones((1, *X.shape[1:3], 1), X.dtype), padding)
    share_of_each = 1 / (ones.dtype.type(f[0] * f[1]) if count_padding else window_sums(ones, f, stride))
    Y = np.empty((len(X), h, w, X.shape[3]), X.dtype)

    def forward(part):
        for images, _ in blocks(part, 1, X[0].size, CHUNK_VALUES):
            np.multiply(window_sums(pad(X[images], padding), f, stride), share_of_each, out=Y[images])

    def back(dY):
        dX = np.empty_like(X)

        def work(part):
            for images, _ in blocks(part, 1, X[0].size, CHUNK_VALUES):
                dX[images] = unpad(spread(dY[images] * share_of_each, size, f, stride), padding)

        share(work, range(len(X)))
        return dX

    share(forward, range(len(X)))
    return Y, back


def window_sums(X, f, stride):
    for axis in (1, 2):
        views = [X[at] for at in taps(X.shape[axis], f[axis - 1], stride[axis - 1], axis)]
        X = total([views[0] + views[1], *views[2:]]) if len(views) > 1 else views[0]
    return X


def spread(Y, size, f, stride):
    """The transpose of `window_sums`, on images of (h, w) = size."""
    for axis in (2, 1):
        X = np.zeros((*Y.shape[:axis], size[axis - 1], *Y.shape[axis + 1 :]), Y.dtype)
        for at in taps(size[axis - 1], f[axis - 1], stride[axis - 1], axis):
            X[at] += Y
        Y = X
    return Y


def taps(size, f, s, axis):
    """What each tap of the windows along an axis sees."""
    last = (size - f) // s * s
    return [(slice(None),) * axis + (slice(u, u + last + 1, s),) for u in range(f)]
