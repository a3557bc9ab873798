"""Activations A = g(Z), elementwise but for softmax and hardmax, which act on each column (example) of Z [n m].

    sigmoid      1 / (1 + e^-z)                 dz = da a (1 - a)
    tanh         (e^z - e^-z) / (e^z + e^-z)    dz = da (1 - a^2)
    relu         max(0, z)                      dz = da [z > 0]        (0 at z = 0)
    leaky_relu   max(slope z, z)                dz = da [z > 0] + slope da [z <= 0]
    relu6        min(max(0, z), 6)              dz = da [0 < z < 6]    (0 at both kinks)
    swish        z sigmoid(z), also "silu"      dz = da (s + a (1 - s)),  s = sigmoid(z)
    softmax      e^z / sum_j e^z_j              dz = a (da - sum_j da_j a_j)
    hardmax      1 at the largest z, else 0     piecewise constant: no derivative
    linear       z                              dz = da

Every comparison is on the real part, so that a complex step passes through. The value at a kink is a convention
(CONVENTIONS.md, "Ties and kinks"). Sources: Course 1, week 3, "Activation functions"; Course 2, week 3, "Softmax";
Howard et al. 2017 (relu6); Ramachandran, Zoph & Le 2017 (swish).
"""

import numpy as np

from reference import kernels
from reference.checks import signed
from reference.kernels.relu import relu as fast_relu


def sigmoid(Z):
    signed("Z", Z)
    E = np.exp(-Z * np.sign(Z.real))  # e^-|z| never overflows
    A = np.where(Z.real >= 0, 1, E) / (1 + E)

    def back(dA):
        return dA * A * (1 - A)

    return A, back


def tanh(Z):
    A = np.tanh(Z)

    def back(dA):
        return dA * (1 - A * A)

    return A, back


def relu(Z):
    if Z.ndim == 4 and kernels.suit(Z):  # images; a small matrix is done sooner without
        return kernels.held(*fast_relu(Z))
    positive = Z.real > 0

    def back(dA):
        return dA * positive

    return np.where(Z.real <= 0, 0, Z), back  # NaN is neither, and stays


def leaky_relu(Z, slope=0.01):
    positive = Z.real > 0

    def back(dA):
        return np.where(positive, dA, slope * dA)

    return np.where(positive, Z, slope * Z), back


def relu6(Z):
    inside = (Z.real > 0) & (Z.real < 6)

    def back(dA):
        return dA * inside

    return np.where(Z.real >= 6, 6, np.where(Z.real <= 0, 0, Z)), back


def swish(Z):
    S, _ = sigmoid(Z)
    A = Z * S

    def back(dA):
        return dA * (S + A * (1 - S))

    return A, back


def softmax(Z):
    signed("Z", Z)
    T = np.exp(Z - Z.real.max(axis=0, keepdims=True))  # the shift cancels, and no power overflows
    A = T / T.sum(axis=0, keepdims=True)

    def back(dA):
        return A * (dA - (dA * A).sum(axis=0, keepdims=True))

    return A, back


def hardmax(Z):
    """The first of several equal maxima takes the 1."""
    classes = np.arange(Z.shape[0])[:, None]
    return np.where(classes == Z.real.argmax(axis=0)[None, :], 1, 0 * Z.real)


def linear(Z):
    def back(dA):
        return dA

    return Z, back


ACTIVATIONS = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "relu6": relu6,
    "swish": swish,
    "silu": swish,
    "softmax": softmax,
    "linear": linear,
}
