"""Convolution by the fastest of several ways, which depends on the shapes; each is within rounding of the definition.

    Z[m, i, j, n] = sum_{u, v, k} X_pad[m, s i + d u, s j + d v, k] W[u, v, k, n]

    1 x 1                                             one matrix product (pointwise.py)
    a group a channel                                 depthwise.py
    3 x 3 at stride 1, many channels and positions    Winograd's scheme (winograd.py)
    all others                                        patches times filters (correlate.py; backward both_gradients.py,
                                                      input_gradient.py)

What is "many" comes from measurements. A NaN or an infinity may reach outputs beside those that see its pixel, for ways
that make several outputs at once multiply it by zero.
"""

from functools import partial

import numpy as np

from reference.kernels import both_gradients, depthwise, pointwise, winograd
from reference.kernels.blocks import pad
from reference.kernels.correlate import correlate, filter_gradient
from reference.kernels.input_gradient import input_gradient
from reference.kernels.schemes import F23


def conv2d(X, W, stride, padding, dilation, groups, scheme=F23):
    """Z and its pullback: back(dZ) -> dX, dW, where dX is None if need_input=False. The scheme is for Winograd's way:
    F43 instead is quicker for large images and ten times less accurate."""
    if groups == 1:
        return best(X.shape, W.shape, X.dtype, stride, dilation, scheme)(X, W, stride, padding, dilation)
    if W.shape[2] == 1:
        return depthwise.conv(X, W, stride, padding, dilation)
    return grouped(X, W, stride, padding, dilation, groups)


def best(X_shape, W_shape, dtype, stride, dilation, scheme=F23):
    (m, h, w, _), (fh, fw, c, n) = X_shape, W_shape
    many = 32 if dtype == np.float64 else 40
    if (fh, fw) == (1, 1):
        return pointwise.conv
    if (fh, fw, *stride, *dilation) == (3, 3, 1, 1, 1, 1) and min(c, n) >= many and m * h * w >= 256:
        return partial(winograd.conv, scheme=scheme)
    return direct


def direct(X, W, stride, padding, dilation):
    X_pad, shape = pad(X, padding), X.shape
    Z = correlate(X_pad, W, stride, dilation)
    if both_gradients.pay(Z.shape, shape, stride):
        return Z, lambda dZ, need_input=True: both_gradients.gradients(dZ, X, W, padding, dilation, need_input)

    def back(dZ, need_input=True):
        dW = filter_gradient(X_pad, dZ, W.shape, stride, dilation)
        return input_gradient(dZ, W, shape, stride, padding, dilation) if need_input else None, dW

    return Z, back


def grouped(X, W, stride, padding, dilation, groups):
    """Output channels (g n) see only the input channels (g k) of their own group g: a convolution for each."""
    parts = [
        conv2d(np.ascontiguousarray(x), np.ascontiguousarray(w), stride, padding, dilation, 1)
        for x, w in zip(np.split(X, groups, axis=3), np.split(W, groups, axis=3))
    ]

    def back(dZ, need_input=True):
        pairs = [
            back_part(np.ascontiguousarray(dz), need_input)
            for (_, back_part), dz in zip(parts, np.split(dZ, groups, axis=3))
        ]
        dXs, dWs = zip(*pairs)
        return np.concatenate(dXs, axis=3) if need_input else None, np.concatenate(dWs, axis=3)

    return np.concatenate([Z for Z, _ in parts], axis=3), back
