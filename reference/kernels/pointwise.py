"""1 x 1 convolution: one matrix product over the channels, with the pixels as rows.

    Z[(m i j), n] = sum_k X[(m i j), k] W[k, n]      dW = X^T dZ      dX = dZ W^T

At a stride the pixels that are seen are gathered first, once for both passes; the others have no gradient.
"""

import numpy as np

from reference.kernels.blocks import pad, unpad
from reference.kernels.products import matmul, over_rows, transposed
from reference.kernels.threads import share, total


def conv(X, W, stride, padding, dilation):
    def seen(X_pad):
        return X_pad[:, :: stride[0], :: stride[1]]

    W_matrix, X_seen = W[0, 0], np.ascontiguousarray(seen(pad(X, padding)))

    def back(dZ, need_input=True):
        dW = transposed_product(X_seen, dZ).reshape(W.shape)
        if not need_input:
            return None, dW
        if stride == (1, 1):
            return unpad(product(dZ, transposed(W_matrix)), padding), dW
        dX_pad = np.zeros_like(pad(X, padding))
        seen(dX_pad)[...] = product(dZ, transposed(W_matrix))
        return unpad(dX_pad, padding), dW

    return product(X_seen, W_matrix), back


def product(X, W_matrix):
    """X [m i j k], W [k n] -> [m i j n]"""
    X_matrix = X.reshape(-1, X.shape[3])
    Z_matrix = np.empty((len(X_matrix), W_matrix.shape[1]), X.dtype)

    def work(part):
        rows = slice(part.start, part.stop)
        matmul(X_matrix[rows], W_matrix, out=Z_matrix[rows])

    share(work, range(len(X_matrix)))
    return Z_matrix.reshape(*X.shape[:3], -1)


def transposed_product(X, dZ):
    """X [m i j k], dZ [m i j n] -> [k n]"""
    X_matrix, dZ_matrix = X.reshape(-1, X.shape[3]), dZ.reshape(-1, dZ.shape[3])
    multiply = over_rows(len(X_matrix), X.shape[3], dZ.shape[3], X.dtype)

    def work(part):
        rows = slice(part.start, part.stop)
        return multiply(X_matrix[rows], dZ_matrix[rows])

    return total(share(work, range(len(X_matrix))))
