"""Sums of losses in which every example has a weight: 1/m for a mean over all, 0 for one that does not count.

    weighted_squared_error   J = sum_i w_i sum_j (a_j - y_j)^2                          dA = 2 W (A - Y)
    weighted_smooth_l1       J = sum_i w_i sum_j h(a_j - y_j)                           dA = W h'(A - Y)
                             h(d) = d^2 / (2 beta) if |d| < beta, else |d| - beta/2     h'(d) = d/beta, else sign(d)
    weighted_logistic_loss   J = sum_i w_i sum_j max(z,0) - z y + log(1 + e^-|z|)       dZ = W (sigmoid(Z) - Y)
    weighted_cross_entropy   J = sum_i w_i (log(sum_j e^z_j) - sum_j y_j z_j)           dZ = W (softmax(Z) - Y)

A, Z, Y [n m]; W [1 m], or one number for all; J is a number. The squared error is the notes', without a half. Smooth L1
is a parabola of curvature 1/beta around 0 that goes on as straight lines of slope 1: an outlier pulls no harder than
that. Labels and weights are data: no gradient is taken by them.
Sources: Course 4, week 3, "Classification with localization"; Girshick 2015 (smooth L1, beta = 1).
"""

import numpy as np

from reference.checks import positive, same_shape
from reference.layers.activations import sigmoid, softmax


def weighted_squared_error(A, Y, W):
    same_shape("Y", Y, "A", A)
    D = A - Y

    def back(dJ):
        return dJ * 2 * W * D

    return (W * D * D).sum(), back


def weighted_smooth_l1(A, Y, W, beta=1.0):
    same_shape("Y", Y, "A", A)
    positive("beta", beta)
    D = A - Y
    sign = np.sign(D.real)
    near = D.real * sign < beta

    def back(dJ):
        return dJ * W * np.where(near, D / beta, sign)

    return (W * np.where(near, D * D / (2 * beta), D * sign - beta / 2)).sum(), back


def weighted_logistic_loss(Z, Y, W):
    same_shape("Y", Y, "Z", Z)
    A, _ = sigmoid(Z)
    L = np.where(Z.real > 0, Z, 0) - Z * Y + np.log1p(np.exp(-Z * np.sign(Z.real)))

    def back(dJ):
        return dJ * W * (A - Y)

    return (W * L).sum(), back


def weighted_cross_entropy(Z, Y, W):
    same_shape("Y", Y, "Z", Z)
    A, _ = softmax(Z)
    shifted = Z - Z.real.max(axis=0, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=0, keepdims=True))

    def back(dJ):
        return dJ * W * (A * Y.sum(axis=0, keepdims=True) - Y)

    return (W * Y * (log_sum - shifted)).sum(), back
