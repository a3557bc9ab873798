"""Depthwise convolution: every channel has its own filter and sees only itself.

    Z[m, i, j, k] = sum_{u, v} X_pad[m, s i + d u, s j + d v, k] W[u, v, k]

On each grid of pixels (grids.py), with e the steps between the taps there and W_turned those in reverse:

    dX[m, y, x, k] = sum_{u, v} dZ_pad[m, y + e u, x + e v, k] W_turned[u, v, k]
    dW_turned[u, v, k] = sum_{m, y, x} dZ_pad[m, y + e u, x + e v, k] X[m, y, x, k]

No sum over channels means no matrix product: what counts is how long each multiply-add runs. It is a whole row (j k),
along which W is repeated and dW made apart for each j. What the taps see is copied by chunks (lines.py), for both
gradients once.
"""

from dataclasses import dataclass

import numpy as np

from reference.kernels.blocks import blocks
from reference.kernels.grids import blank, grids
from reference.kernels.lines import Lines, Windows
from reference.kernels.threads import share, total

CHUNK_BYTES, CHUNK_ROWS = 1 << 21, 128
"""Rows of pixels of which a chunk has no more where they are summed one after the other."""


def conv(X, W, stride, padding, dilation):
    """W [u v 1 (k n)]: n outputs for each channel k."""
    if W.shape[3] > X.shape[3]:
        return repeated(X, W, stride, padding, dilation)

    def back(dZ, need_input=True):
        parts = list(grids(X.shape, W.shape, stride, padding, dilation))
        dX = blank(X.shape, dZ.dtype, stride, parts) if need_input else None
        return dX, gradients(dZ, X, W, parts, dX)

    return correlate(X, W[:, :, 0], stride, padding, dilation), back


def repeated(X, W, *geometry):
    repeats = W.shape[3] // X.shape[3]
    Z, back_conv = conv(np.repeat(X, repeats, axis=3), W, *geometry)

    def back(dZ, need_input=True):
        dX, dW = back_conv(dZ, need_input)
        return dX.reshape(*X.shape, repeats).sum(axis=4) if need_input else None, dW

    return Z, back


def correlate(X, W, stride, padding, dilation):
    axes = zip(X.shape[1:3], W.shape, stride, padding, dilation)
    h, w = ((size + sum(side) - d * (f - 1) - 1) // s + 1 for size, f, s, side, d in axes)
    windows = Windows(w, W.shape[:2], dilation, tuple(before for before, _ in padding))
    Z, W = np.empty((len(X), h, w, X.shape[3]), X.dtype), np.tile(W, w)

    def work(part):
        seen = Lines(X, [windows], stride, part)
        for chunk in part:
            (V,) = seen.of(*chunk)
            weighted(V, W, Z[chunk])

    share(work, chunks(Z, CHUNK_BYTES // (Z.itemsize * windows.values(stride))))
    return Z


@dataclass(frozen=True)
class Grid:
    """What belongs to one: taps, their windows of dZ, W_turned along a row of them, and its pixels of X and dX."""

    taps: tuple[slice, slice]
    windows: Windows
    W_turned: np.ndarray
    X: np.ndarray
    dX: np.ndarray | None

    def gradients(self, V, chunk):
        """dW_turned of a chunk, apart for each j; dX is filled, if there is one."""
        X = self.X[chunk]
        V = V[:, : X.shape[1]]
        if self.dX is not None:
            weighted(V, self.W_turned, self.dX[chunk])
        return np.einsum("miuvk,mik->uvk", V, rows(X))


def grid(part, X, W, dX):
    pixels, taps, corner, steps = part
    X, turned = X[pixels], W[taps][::-1, ::-1, 0]
    windows = Windows(X.shape[2], turned.shape[:2], steps, corner[:2])
    return Grid(taps, windows, np.tile(turned, X.shape[2]), X, dX if dX is None else dX[pixels])


def gradients(dZ, X, W, parts, dX):
    """dW; and dX is filled, if there is one."""
    dW, each = np.zeros_like(W), [grid(part, X, W, dX) for part in parts]

    def work(part):
        seen, sums = Lines(dZ, [one.windows for one in each], (1, 1), part), [0] * len(each)
        for chunk in part:
            for i, (one, V) in enumerate(zip(each, seen.of(*chunk))):
                sums[i] += one.gradients(V, chunk)
        return sums

    if each:
        largest = max((one.X for one in each), key=np.size)
        values = min(CHUNK_BYTES // X.itemsize, CHUNK_ROWS * largest[0, 0].size)
        for one, sums in zip(each, zip(*share(work, chunks(largest, values)))):
            dW[one.taps] = by_taps(total(sums), X.shape[3])[::-1, ::-1]
    return dW


def by_taps(sums, channels):
    """[u v (j k)] -> [u v 1 k]"""
    return sums.reshape(*sums.shape[:2], -1, 1, channels).sum(axis=2)


def chunks(Z, values):
    return blocks(range(len(Z)), Z.shape[1], Z[0, 0].size, values)


def weighted(V, W, out):
    """The sum over the taps, each times its weights."""
    if out.strides[2] == out.shape[3] * out.itemsize:
        np.einsum("miuvk,uvk->mik", V, W, out=rows(out))
    else:
        out[...] = np.einsum("miuvk,uvk->mik", V, W).reshape(out.shape)


def rows(Z):
    """[m i j k] -> [m i (j k)]"""
    m, i, j, k = Z.shape
    return Z.reshape(m, i, j * k)
