"""Convolution as one matrix product over the patches of the image, made a chunk at a time.

    Z[(m i j), n] = sum_(u v k) P[(m i j), (u v k)] W[(u v k), n]        P: the window of each output position as a row

    dW = sum over chunks of P^T dZ                                       dX: input_gradient.py

A chunk (about 2 MB of patches, at least 512 rows, so that packing W pays) is copied and used while it is in cache, and
copied again for dW. Workers share the chunks, or the product where there is but one chunk. What is copied at once is a
line (v k) of a window, whose values are neighbors in [m h w c]. Where a row of Z is no longer than the registers of a
processor, two neighboring pixels are made as one of twice the channels, by filters one pixel wider.
"""

from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from reference.kernels.blocks import blocks
from reference.kernels.products import shared_matmul, shared_times
from reference.kernels.sums_of_products import better_turned, matmul_over_rows, shared_matmul_over_rows
from reference.kernels.threads import even, share, total

CHUNK_BYTES, CHUNK_ROWS, REGISTER_BYTES = 1 << 21, 512, 64


def windows(X, f, stride, dilation):
    """[m h w c] -> view [m i j u v c]"""
    (m, *size, c), (by_image, *by_pixel, by_channel) = X.shape, X.strides
    count = ((n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(size, f, stride, dilation))
    between, within = ([n * step for n, step in zip(by_pixel, steps)] for steps in (stride, dilation))
    return as_strided(X, (m, *count, *f, c), (by_image, *between, *within, by_channel), writeable=False)


def chunks(V):
    return blocks(range(len(V)), *V.shape[1:3], even(chunk_rows(V), prod(V.shape[:3])))


def chunk_rows(V):
    return max(CHUNK_BYTES // (prod(V.shape[3:]) * V.itemsize), CHUNK_ROWS)


def is_one_chunk(V):
    """Whether all patches are made at once."""
    return prod(V.shape[:3]) <= chunk_rows(V)


def rows(V):
    """Windows as the rows of one matrix [(m i j) (u v k)]; a line of neighbors is copied as a single value."""
    *_, v, k = V.shape
    if V.strides[4:] != (k * V.itemsize, V.itemsize) or V.flags.c_contiguous:
        return V.reshape(-1, prod(V.shape[3:]))
    lines = V.reshape(*V.shape[:4], v * k).view(f"V{v * k * V.itemsize}")
    return lines.copy().view(V.dtype).reshape(-1, prod(V.shape[3:]))


def correlate(X, W, stride, dilation, out=None):
    V = windows(X, W.shape[:2], stride, dilation)
    Z = np.empty((*V.shape[:3], W.shape[3]), X.dtype) if out is None else out
    if in_pairs(Z, W.shape, stride, dilation):
        correlate(X, paired(W), (stride[0], 2), dilation, Z.reshape(*Z.shape[:2], Z.shape[2] // 2, -1))
        return Z
    W_matrix = W.reshape(-1, W.shape[3])
    if is_one_chunk(V):
        Z[...] = shared_matmul(rows(V), W_matrix).reshape(Z.shape)
        return Z
    by_W = shared_times(W_matrix, prod(V.shape[:3]))

    def work(part):
        for chunk in part:
            P = rows(V[chunk])
            if Z.flags.c_contiguous:
                by_W(P, out=Z[chunk].reshape(-1, W.shape[3]))
            else:
                Z[chunk] = by_W(P).reshape(Z[chunk].shape)

    share(work, chunks(V))
    return Z


def in_pairs(Z, shape, stride, dilation):
    """Whether it pays to make two pixels of Z at once with filters of a shape, and they lie side by side."""
    narrow = Z.shape[3] * Z.itemsize <= REGISTER_BYTES and Z.shape[2] % 2 == 0 and Z.flags.c_contiguous
    return narrow and shape[1] > 2 and (stride[1], dilation[1]) == (1, 1)


def paired(W):
    """Filters [fh fw+1 k (2 n)] that make a pixel and its right neighbor."""
    fh, fw, k, n = W.shape
    pair = np.zeros((fh, fw + 1, k, 2, n), W.dtype)
    pair[:, :-1, :, 0] = pair[:, 1:, :, 1] = W
    return pair.reshape(fh, fw + 1, k, 2 * n)


def filter_gradient(X, dZ, shape, stride, dilation):
    if in_pairs(dZ, shape, stride, dilation):
        fh, fw, k, n = shape
        pair = dZ.reshape(*dZ.shape[:2], -1, 2 * n)
        dW = filter_gradient(X, pair, (fh, fw + 1, k, 2 * n), (stride[0], 2), dilation).reshape(fh, fw + 1, k, 2, n)
        return dW[:, :-1, :, 0] + dW[:, 1:, :, 1]
    V = windows(X, shape[:2], stride, dilation)[:, : dZ.shape[1], : dZ.shape[2]]
    patch, n = prod(shape[:3]), shape[3]
    if is_one_chunk(V):
        return shared_matmul_over_rows(rows(V), dZ.reshape(-1, n)).reshape(shape)
    turned = better_turned(dZ.size // n, patch, n, X.dtype, in_cache=True)

    def of_chunk(chunk):
        factors = rows(V[chunk]), dZ[chunk].reshape(-1, n)
        return matmul_over_rows(*(reversed(factors) if turned else factors))

    dW = total(share(lambda part: total(of_chunk(chunk) for chunk in part), chunks(V)))
    return (dW.T if turned else dW).reshape(shape)
