"""Costs J: a mean over the m examples (columns) of a loss, so every dA and dZ carries the 1/m.

    squared_error          J = 1/m sum 1/2 (a - y)^2                       dA = (A - Y)/m
    logistic_loss          J = -1/m sum y log a + (1-y) log(1-a)           dA = (-Y/A + (1-Y)/(1-A))/m
    softmax_cross_entropy  J = -1/m sum_i sum_j y_j log a_j                dA = -Y/A /m

and the same as functions of the logits Z, where the logarithm meets the exponential and neither can overflow:

    squared_error_from_logits           a = sigmoid(z)                         dZ = (A - Y) A (1 - A)/m
    logistic_loss_from_logits           J = 1/m sum max(z,0) - z y + log(1 + e^-|z|)             dZ = (A - Y)/m
    softmax_cross_entropy_from_logits   J = 1/m sum_i log(sum_j e^z_j) - sum_j y_j z_j           dZ = (A - Y)/m

A, Z, Y [n m]; J is a number. The labels Y are data: no gradient is taken by them.
Sources: Course 1, week 2, "Logistic regression cost function"; Course 2, week 3, "Training a softmax classifier".
"""

import numpy as np

from reference import kernels
from reference.checks import binary, distribution, matrix, same_shape
from reference.kernels.softmax_cross_entropy import softmax_cross_entropy as fast_softmax_cross_entropy
from reference.layers.activations import sigmoid, softmax


def squared_error(A, Y):
    m = examples("A", A, Y)

    def back(dJ):
        return dJ * (A - Y) / m

    return ((A - Y) * (A - Y)).sum() / (2 * m), back


def squared_error_from_logits(Z, Y):
    A, back_sigmoid = sigmoid(Z)
    J, back_error = squared_error(A, Y)

    def back(dJ):
        return back_sigmoid(back_error(dJ))

    return J, back


def logistic_loss(A, Y):
    m = examples("A", A, Y)
    binary("Y", Y)

    def back(dJ):
        return dJ * ((1 - Y) / (1 - A) - Y / A) / m

    return -(Y * np.log(A) + (1 - Y) * np.log(1 - A)).sum() / m, back


def logistic_loss_from_logits(Z, Y):
    m = examples("Z", Z, Y)
    binary("Y", Y)
    A, _ = sigmoid(Z)
    magnitude = Z * np.sign(Z.real)
    L = np.where(Z.real > 0, Z, 0) - Z * Y + np.log1p(np.exp(-magnitude))

    def back(dJ):
        return dJ * (A - Y) / m

    return L.sum() / m, back


def softmax_cross_entropy(A, Y):
    m = examples("A", A, Y)
    distribution("Y", Y)

    def back(dJ):
        return -dJ * Y / A / m

    return -(Y * np.log(A)).sum() / m, back


def softmax_cross_entropy_from_logits(Z, Y):
    m = examples("Z", Z, Y)
    distribution("Y", Y)
    if kernels.suit(Z, Y):
        return fast_softmax_cross_entropy(Z, Y)
    A, _ = softmax(Z)
    shifted = Z - Z.real.max(axis=0, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=0, keepdims=True))

    def back(dJ):
        return dJ * (A - Y) / m  # sum_j y_j = 1

    return (Y * (log_sum - shifted)).sum() / m, back


def examples(name, A, Y):
    """The number m of examples, once A and Y are seen to be matrices of one shape."""
    matrix(name, A)
    same_shape("Y", Y, name, A)
    return A.shape[1]
