"""Max pooling, window by window of each channel.

    Y[m, i, j, k] = max_{u, v} X_pad[m, s i + u, s j + v, k], padded with -inf
    dX: each tap (u, v) in turn takes the dY that it won

First down the columns of the windows, straight from the image, then along their rows. The number u fw + v of the first
tap in row-major order that is the maximum, one byte, is kept for the pullback: comparing anew is quicker than keeping
count while the maximum is made. Columns are dealt out by their place modulo s (tiles.py), so that every step runs along
a whole row (j k) of outputs.
"""

import numpy as np

from reference.kernels.blocks import blocks, place
from reference.kernels.threads import share
from reference.kernels.tiles import collect, deal

CHUNK_BYTES, BACK_VALUES = 1 << 19, 1 << 16


def max_pool(X, f, stride, padding):
    h, w = out_size(X, f, stride, padding)
    Y = np.empty((len(X), h, w, X.shape[3]), X.dtype)
    winner = np.empty(Y.shape, np.min_scalar_type(f[0] * f[1] - 1))
    disjoint = f[0] <= stride[0] and f[1] <= stride[1]
    height, width = (h - 1) * stride[0] + f[0], w + (f[1] - 1) // stride[1]
    (top, _), (left, _) = padding

    def forward(part):
        for images, rows in blocks(part, h, Y[0, 0].nbytes, CHUNK_BYTES):
            if disjoint and padding == ((0, 0), (0, 0)):
                separate(X[images], f, stride, rows, Y[images, rows], winner[images, rows])
                continue
            best, row = down(X[images], f[0], stride[0], top, rows)
            values = along(best, f[1], stride[1], left, w, -np.inf)
            maximum(values, out=Y[images, rows])
            numbers = along(row * winner.dtype.type(f[1]), f[1], stride[1], left, w, 0)
            numbers = (number + winner.dtype.type(v) for v, number in enumerate(numbers))
            least_equal(values, numbers, Y[images, rows], out=winner[images, rows])

    def back(dY):
        dX = np.zeros_like(X)

        def work(part):
            for images, _ in blocks(part, 1, Y[0].size, BACK_VALUES):
                dP = np.zeros((stride[1], images.stop - images.start, height, width, X.shape[3]), X.dtype)
                for _, rows in blocks(range(1), h, Y[images, 0].size, BACK_VALUES):
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


def separate(X, f, stride, rows, Y, winner):
    """Windows that neither overlap nor reach over the edge: their taps are views of the image, and nothing is dealt."""
    (h, w), across = Y.shape[1:3], range(f[1])
    lines = [X[:, stride[0] * rows.start + u :: stride[0]][:, :h] for u in range(f[0])]
    best = maximum(lines)
    maximum([best[:, :, v :: stride[1]][:, :, :w] for v in across], out=Y)
    winner[...] = first_equal([line[:, :, v :: stride[1]][:, :, :w] for line in lines for v in across], Y)


def down(X, f, s, top, rows):
    """The maximum of each column of some rows of windows, [m i x k], and how far down it is."""
    h = rows.stop - rows.start
    P = place(X, top - s * rows.start, 0, s * (h - 1) + f, X.shape[2], outside=-np.inf)
    values = [P[:, u : u + s * (h - 1) + 1 : s] for u in range(f)]
    best = maximum(values)
    return best, first_equal(values, best)


def along(X, f, s, left, w, outside):
    """What each tap of w windows sees of the pixels of its row: arrays [m i j k]."""
    P = deal(X, 0, left, (1, s), X.shape[1], w + (f - 1) // s, outside)[0]
    return [P[v % s, :, :, v // s : v // s + w] for v in range(f)]


def maximum(values, out=None):
    best = np.maximum(values[0], values[1], out=out) if len(values) > 1 else np.positive(values[0], out=out)
    for value in values[2:]:
        np.maximum(best, value, out=best)
    return best


def first_equal(values, best):
    """The number of the first value that is equal: of those before the last, how many find none up to themselves."""
    number = np.full(best.shape, len(values) - 1, np.min_scalar_type(len(values) - 1))
    found = np.zeros(best.shape, bool)
    for value in values[:-1]:
        found |= value == best
        number -= found.view(np.uint8)
    return number


def least_equal(values, numbers, best, out):
    """The least number whose value is equal."""
    for i, (value, number) in enumerate(zip(values, numbers)):
        missed = (value != best).astype(out.dtype)
        np.negative(missed, out=missed)  # minus one is the largest number
        np.bitwise_or(number, missed, out=missed if i else out)
        if i:
            np.minimum(out, missed, out=out)
