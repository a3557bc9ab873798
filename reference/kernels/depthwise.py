"""Depthwise convolution: every channel has its own filter and sees only itself.

    Z[m, i, j, k] = sum_{u, v} X_pad[m, s i + d u, s j + d v, k] W[u, v, k]
    dW[u, v, k] = sum_{m, i, j} X_pad[m, s i + d u, s j + d v, k] dZ[m, i, j, k]
    dX on each grid of pixels (grids.py): the correlation of dZ with W in reverse

No sum over channels means no matrix product: what counts is how long each multiply-add runs. At stride 1 that is a
whole row (j k) of outputs, along which W is repeated; else it is the channels.
"""

import numpy as np

from reference.kernels.blocks import blocks, pad, place
from reference.kernels.correlate import windows
from reference.kernels.grids import blank, grids
from reference.kernels.threads import share, total

CHUNK_VALUES, CHUNK_POSITIONS = 1 << 18, 128


def conv(X, W, stride, padding, dilation):
    """W [u v 1 (k n)]: n outputs for each channel k."""
    if W.shape[3] > X.shape[3]:
        return repeated(X, W, stride, padding, dilation)
    X_pad, shape = pad(X, padding), X.shape

    def back(dZ, need_input=True):
        dW = filter_gradient(X_pad, dZ, W.shape, stride, dilation)
        return input_gradient(dZ, W, shape, stride, padding, dilation) if need_input else None, dW

    return correlate(X_pad, W, stride, dilation), back


def repeated(X, W, *geometry):
    repeats = W.shape[3] // X.shape[3]
    Z, back_conv = conv(np.repeat(X, repeats, axis=3), W, *geometry)

    def back(dZ, need_input=True):
        dX, dW = back_conv(dZ, need_input)
        return dX.reshape(*X.shape, repeats).sum(axis=4) if need_input else None, dW

    return Z, back


def correlate(X, W, stride, dilation):
    V = windows(X, W.shape[:2], stride, dilation)
    m, h, w, fh, fw, c = V.shape
    W, V = W[:, :, 0], V.transpose(0, 1, 3, 4, 2, 5)
    if stride[1] == 1:
        W, V = np.tile(W, w), V.reshape(m, h, fh, fw, 1, w * c)
    Z = np.empty((m, h, *V.shape[4:]), X.dtype)

    def work(part):
        for chunk in part:
            np.einsum("miuvjk,uvk->mijk", V[chunk], W, out=Z[chunk])

    share(work, blocks(range(m), h, w * c, CHUNK_VALUES))
    return Z.reshape(m, h, w, c)


def filter_gradient(X, dZ, shape, stride, dilation):
    V = windows(X, shape[:2], stride, dilation)[:, : dZ.shape[1], : dZ.shape[2]]

    def work(part):
        return total(np.einsum("mijuvk,mijk->uvk", V[chunk], dZ[chunk]) for chunk in part)

    return total(share(work, blocks(range(len(X)), *dZ.shape[1:3], CHUNK_POSITIONS))).reshape(shape)


def input_gradient(dZ, W, shape, stride, padding, dilation):
    parts = list(grids(shape, W.shape, stride, padding, dilation))
    dX = blank(shape, dZ.dtype, stride, parts)
    for pixels, taps, window, steps in parts:
        dX[pixels] = correlate(place(dZ, *window), W[taps][::-1, ::-1], (1, 1), steps)
    return dX
