"""dX and dW of a convolution at stride 1 from one copy of the patches of dZ.

    dX = D W'        dW' = D^T X        D[(m i j), (u v n)]: the window of dZ that pixel (i j) meets, 0 outside

W' [u v n k] is W turned by 180 degrees with its channels swapped, and so is dW' dW. It pays where a patch of dZ is no
longer than one of X; else input_gradient.py copies those and correlate.py these.
"""

from math import prod

import numpy as np

from reference.kernels.blocks import place
from reference.kernels.correlate import fill, filter_gradient, matrix, sum_is_turned, summed
from reference.kernels.input_gradient import best, gather
from reference.kernels.patches import chunks, in_pairs, in_twos, is_one_chunk, paired, rows, unpaired, windows
from reference.kernels.products import shared_matmul, shared_times
from reference.kernels.sums_of_products import shared_matmul_over_rows
from reference.kernels.threads import share, total


def pay(dZ_shape, shape, stride):
    return stride == (1, 1) and dZ_shape[3] <= shape[3] and best(dZ_shape, shape) is gather


def gradients(dZ, X, W, padding, dilation, need_input=True):
    reach = [d * (size - 1) for d, size in zip(dilation, W.shape)]
    top, left = (r - before for r, (before, _) in zip(reach, padding))
    seen = place(dZ, top, left, *(size + r for size, r in zip(X.shape[1:3], reach)))
    if need_input:
        dX = np.empty(X.shape, dZ.dtype)
        dW = product_and_sum(seen, np.ascontiguousarray(swapped(W)), dX, X, (1, 1), dilation)
    else:
        dX, dW = None, filter_gradient(seen, X, swapped(W).shape, (1, 1), dilation)
    return dX, np.ascontiguousarray(swapped(dW))


def swapped(W):
    """[u v k n] -> [u v n k], with the taps in reverse order."""
    return W[::-1, ::-1].swapaxes(2, 3)


def product_and_sum(seen, W, dX, X, stride, dilation):
    """Fills dX with D W, where D are the patches, and returns D^T X."""
    if in_pairs(X, W.shape, stride, dilation):
        return unpaired(product_and_sum(seen, paired(W), in_twos(dX), in_twos(X), (stride[0], 2), dilation))
    V = windows(seen, W.shape[:2], stride, dilation)
    if is_one_chunk(V):
        P = rows(V)
        dX[...] = shared_matmul(P, matrix(W)).reshape(X.shape)
        return shared_matmul_over_rows(P, matrix(X)).reshape(W.shape)
    by_W, transposed = shared_times(matrix(W), prod(V.shape[:3])), sum_is_turned(W.shape, X)

    def of_chunk(chunk):
        P = rows(V[chunk])
        fill(dX[chunk], P, by_W)
        return summed(P, X[chunk], transposed)

    dW = total(share(lambda part: total(of_chunk(chunk) for chunk in part), chunks(V)))
    return (dW.T if transposed else dW).reshape(W.shape)
