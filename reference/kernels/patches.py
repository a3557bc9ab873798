"""The patches of images that a filter sees, as the rows of a matrix, copied a chunk at a time.

A chunk is about 2 MB, at least 512 rows, so that packing a filter pays. What is copied at once is a line (v k) of a
window, whose values are neighbors in [m h w c]. Where a row of the result is no longer than the registers of a
processor, two neighboring pixels are made as one of twice the channels, by filters one pixel wider.
"""

from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from reference.kernels.blocks import blocks
from reference.kernels.threads import even

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


def unpaired(dW):
    """The gradient of filters from that of their pairs: each stands in a pair twice."""
    *_, k, columns = dW.shape
    dW = dW.reshape(*dW.shape[:2], k, 2, columns // 2)
    return dW[:, :-1, :, 0] + dW[:, 1:, :, 1]


def in_twos(Z):
    """[m i j n] -> [m i j/2 (2 n)]"""
    return Z.reshape(*Z.shape[:2], Z.shape[2] // 2, -1)
