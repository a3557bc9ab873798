"""1 x 1 convolution: one matrix product over the channels, with the pixels as rows.

    Z[(m i j), n] = sum_k X[(m i j), k] W[k, n]      dW = X^T dZ      dX = dZ W^T

At a stride the pixels that are seen are gathered first, once for both passes; the others have no gradient.
"""

import numpy as np

from reference.kernels.blocks import pad, unpad
from reference.kernels.products import shared_matmul
from reference.kernels.sums_of_products import shared_matmul_over_rows


def conv(X, W, stride, padding, dilation):
    def seen(X_pad):
        return X_pad[:, :: stride[0], :: stride[1]]

    W_matrix, X_seen = W[0, 0], np.ascontiguousarray(seen(pad(X, padding)))

    def back(dZ, need_input=True):
        dW = shared_matmul_over_rows(pixels(X_seen), pixels(dZ)).reshape(W.shape)
        if not need_input:
            return None, dW
        dX_seen = product(dZ, W_matrix.T)
        if stride == (1, 1):
            return unpad(dX_seen, padding), dW
        dX_pad = np.zeros_like(pad(X, padding))
        seen(dX_pad)[...] = dX_seen
        return unpad(dX_pad, padding), dW

    return product(X_seen, W_matrix), back


def product(X, W_matrix):
    """X [m i j k], W [k n] -> [m i j n]"""
    return shared_matmul(pixels(X), W_matrix).reshape(*X.shape[:3], -1)


def pixels(X):
    """[m i j k] -> [(m i j) k]"""
    return X.reshape(-1, X.shape[3])
