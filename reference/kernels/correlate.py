"""Convolution as one matrix product over the patches of the image, made a chunk at a time (patches.py).

    Z[(m i j), n] = sum_(u v k) P[(m i j), (u v k)] W[(u v k), n]        P: the window of each output position as a row

    dW = sum over chunks of P^T dZ                                       dX: input_gradient.py

A chunk is copied and used while it is in cache, and copied again for dW. Workers share the chunks, or the product where
there is but one chunk. Where dX and dW can be had from the same patches, both_gradients.py makes them together.
"""

from math import prod

import numpy as np

from reference.kernels.patches import chunks, in_pairs, in_twos, is_one_chunk, paired, rows, unpaired, windows
from reference.kernels.products import shared_matmul, shared_times
from reference.kernels.sums_of_products import better_turned, matmul_over_rows, shared_matmul_over_rows
from reference.kernels.threads import share, total


def correlate(X, W, stride, dilation, out=None):
    V = windows(X, W.shape[:2], stride, dilation)
    Z = np.empty((*V.shape[:3], W.shape[3]), X.dtype) if out is None else out
    if in_pairs(Z, W.shape, stride, dilation):
        correlate(X, paired(W), (stride[0], 2), dilation, in_twos(Z))
    elif is_one_chunk(V):
        Z[...] = shared_matmul(rows(V), matrix(W)).reshape(Z.shape)
    else:
        by_W = shared_times(matrix(W), prod(V.shape[:3]))
        share(lambda part: [fill(Z[chunk], rows(V[chunk]), by_W) for chunk in part], chunks(V))
    return Z


def filter_gradient(X, dZ, shape, stride, dilation):
    if in_pairs(dZ, shape, stride, dilation):
        fh, fw, k, n = shape
        return unpaired(filter_gradient(X, in_twos(dZ), (fh, fw + 1, k, 2 * n), (stride[0], 2), dilation))
    V = windows(X, shape[:2], stride, dilation)[:, : dZ.shape[1], : dZ.shape[2]]
    if is_one_chunk(V):
        return shared_matmul_over_rows(rows(V), matrix(dZ)).reshape(shape)
    turned = sum_is_turned(shape, dZ)
    dW = total(share(lambda part: total(summed(rows(V[c]), dZ[c], turned) for c in part), chunks(V)))
    return (dW.T if turned else dW).reshape(shape)


def fill(Z, P, by_W):
    if Z.flags.c_contiguous:
        by_W(P, out=matrix(Z))
    else:
        Z[...] = by_W(P).reshape(Z.shape)


def sum_is_turned(shape, dZ):
    """Whether the sum over patches for filters of a shape is made as its transpose."""
    patch, n = prod(shape[:3]), shape[3]
    return better_turned(dZ.size // n, patch, n, dZ.dtype, in_cache=True)


def summed(P, dZ, turned):
    """P^T dZ, or its transpose."""
    return matmul_over_rows(matrix(dZ), P) if turned else matmul_over_rows(P, matrix(dZ))


def matrix(A):
    """[.. n] -> [(..) n]"""
    return A.reshape(-1, A.shape[-1])
