"""Max pooling, window by window of each channel.

    Y[m, i, j, k] = max_{u, v} X_pad[m, s i + u, s j + v, k], padded with -inf
    dX: each tap (u, v) in turn takes the dY that it won

First along the rows of the windows, then down them. A later tap wins only if it is larger, so that the first in
row-major order wins a tie; its number u fw + v, one byte, is kept for the pullback. Columns are dealt out by their
place modulo s (tiles.py), so that every step runs along a whole row (j k) of outputs.
"""

import numpy as np

from reference.kernels.blocks import blocks
from reference.kernels.threads import share
from reference.kernels.tiles import collect, deal

CHUNK_VALUES = 1 << 16


def max_pool(X, f, stride, padding):
    h, w = out_size(X, f, stride, padding)
    Y = np.empty((len(X), h, w, X.shape[3]), X.dtype)
    winner = np.empty(Y.shape, np.min_scalar_type(f[0] * f[1] - 1))
    disjoint = f[0] <= stride[0] and f[1] <= stride[1]
    step, width = (1, stride[1]), w + (f[1] - 1) // stride[1]
    (top, _), (left, _) = padding

    def height(rows):
        """How many rows of pixels some rows of windows reach over."""
        return (rows.stop - rows.start - 1) * stride[0] + f[0]

    def forward(part):
        for images, rows in blocks(part, h, Y[0, 0].size, CHUNK_VALUES):
            P = deal(X[images], top - stride[0] * rows.start, left, step, height(rows), width, outside=-np.inf)
            largest(P[0], f, stride, w, out=(Y[images, rows], winner[images, rows]))

    def back(dY):
        dX = np.zeros_like(X)

        def work(part):
            for images, _ in blocks(part, 1, Y[0].size, CHUNK_VALUES):
                dP = np.zeros((stride[1], images.stop - images.start, height(slice(0, h)), width, X.shape[3]), X.dtype)
                for _, rows in blocks(range(1), h, Y[images, 0].size, CHUNK_VALUES):
                    below = dP[:, :, stride[0] * rows.start :]
                    for number, seen in enumerate(taps(below, f, stride, rows.stop - rows.start, w)):
                        won = winner[images, rows] == number
                        if disjoint:
                            np.multiply(dY[images, rows], won, out=seen)
                        else:
                            seen += dY[images, rows] * won
                collect(dP[None], dX[images], top, left)

        share(work, range(len(X)))
        return dX

    share(forward, range(len(X)))
    return Y, back


def out_size(X, f, stride, padding):
    return [(n + sum(p) - k) // s + 1 for n, p, k, s in zip(X.shape[1:3], padding, f, stride)]


def taps(P, f, stride, h, w):
    """What each tap sees of the pixels dealt out by columns, [b m y x k]: views [m i j k]."""
    for u, v in np.ndindex(*f):
        right, b = divmod(v, stride[1])
        yield P[b, :, u : u + stride[0] * (h - 1) + 1 : stride[0], right : right + w]


def largest(P, f, stride, w, out):
    """The maximum of each window of the dealt pixels [b m y x k], and the number of the first tap that has it."""
    number = np.min_scalar_type(f[0] * f[1] - 1).type
    columns = [P[v % stride[1], :, :, v // stride[1] : v // stride[1] + w] for v in range(f[1])]
    value, column = first_largest(columns, [number(v) for v in range(f[1])])
    column = np.broadcast_to(column, value.shape)
    rows = [slice(u, value.shape[1] - f[0] + u + 1, stride[0]) for u in range(f[0])]
    first_largest([value[:, r] for r in rows], [column[:, r] + number(u * f[1]) for u, r in enumerate(rows)], out)


def first_largest(values, numbers, out=(None, None)):
    """The elementwise maximum of arrays and the number of the first that has it. Numbers increase; scalars from 0."""
    best, number = values[0], numbers[0]
    for i in range(1, len(values)):
        into = out if i == len(values) - 1 else (None, None)
        won = (values[i] > best).view(np.uint8) * numbers[i]
        best = np.maximum(best, values[i], out=into[0])
        number = np.maximum(number, won, out=into[1])
    if len(values) == 1 and out[0] is not None:
        out[0][...], out[1][...] = best, number
    return best, number
