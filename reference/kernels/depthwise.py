"""Depthwise convolution: every channel has its own filter and sees only itself.

    Z[m, i, j, k] = sum_{u, v} X_pad[m, s i + d u, s j + d v, k] W[u, v, k]
    dW[u, v, k] = sum_{m, i, j} X_pad[m, s i + d u, s j + d v, k] dZ[m, i, j, k]
    dX on each grid of pixels (grids.py): the correlation of dZ with W in reverse

No sum over channels means no matrix product: what counts is how long each multiply-add runs. At stride 1 that is a
whole row (j k) of outputs, along which W is repeated and dW made apart for each j; else it is the channels.
"""

import numpy as np

from reference.kernels.blocks import blocks, pad
from reference.kernels.grids import blank, grids, seen
from reference.kernels.patches import windows
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


def correlate(X, W, stride, dilation, out=None):
    """`out`, if it is given, has no gaps within a row."""
    V = windows(X, W.shape[:2], stride, dilation)
    Z = np.empty((*V.shape[:3], V.shape[5]), X.dtype) if out is None else out
    V = rows(V, stride)
    Z_rows, W = Z.reshape(*V.shape[:2], *V.shape[4:]), np.tile(W[:, :, 0], V.shape[5] // W.shape[3])

    def work(part):
        for chunk in part:
            np.einsum("miuvjk,uvk->mijk", V[chunk], W, out=Z_rows[chunk])

    share(work, blocks(range(len(Z)), Z.shape[1], Z.shape[2] * Z.shape[3], CHUNK_VALUES))
    return Z


def filter_gradient(X, dZ, shape, stride, dilation):
    V = rows(windows(X, shape[:2], stride, dilation)[:, : dZ.shape[1], : dZ.shape[2]], stride)
    dZ = dZ.reshape(*V.shape[:2], *V.shape[4:])

    def work(part):
        return total(np.einsum("miuvjk,mijk->uvk", V[chunk], dZ[chunk]) for chunk in part)

    dW = total(share(work, blocks(range(len(V)), *dZ.shape[1:3], CHUNK_POSITIONS)))
    return dW.reshape(*shape[:2], -1, shape[3]).sum(axis=2).reshape(shape)


def rows(V, stride):
    """Windows [m i u v j k], at stride 1 with whole rows (j k) in place of the channels."""
    m, h, w, fh, fw, c = V.shape
    V = V.transpose(0, 1, 3, 4, 2, 5)
    return V.reshape(m, h, fh, fw, 1, w * c) if stride[1] == 1 else V


def input_gradient(dZ, W, shape, stride, padding, dilation):
    parts = list(grids(shape, W.shape, stride, padding, dilation))
    dX = blank(shape, dZ.dtype, stride, parts)
    for (pixels, taps, _, steps), window in zip(parts, seen(dZ, parts)):
        turned = W[taps][::-1, ::-1]
        if stride[1] == 1:
            correlate(window, turned, (1, 1), steps, out=dX[pixels])
        else:
            dX[pixels] = correlate(window, turned, (1, 1), steps)
    return dX
