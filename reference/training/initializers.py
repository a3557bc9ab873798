"""Initial weights as functions of standard normal noise of the weight's shape, so that every framework can start alike.

    zeros            W = 0                                    (fine for one layer; deeper, every unit stays the same)
    small_random     W = scale noise
    he               W = sqrt(2 / n_prev) noise               for ReLU
    xavier           W = sqrt(1 / n_prev) noise               for tanh
    xavier_average   W = sqrt(2 / (n_prev + n)) noise

W [n n_prev], or for a convolution [fh fw c_prev c], with n_prev = fh fw c_prev and n = fh fw c. Biases start at zero.
Sources: Course 2, week 1, "Weight initialization for deep networks"; He et al. 2015; Glorot & Bengio 2010. Library
initializers of the same names differ in more than their noise: CONVENTIONS.md, "Initializers".
"""

import math

import numpy as np

from reference.checks import positive


def zeros(noise):
    return np.zeros_like(noise)


def small_random(noise, scale=0.01):
    positive("scale", scale)
    return scale * noise


def he(noise):
    n_prev, _ = fans(noise)
    return math.sqrt(2 / n_prev) * noise


def xavier(noise):
    n_prev, _ = fans(noise)
    return math.sqrt(1 / n_prev) * noise


def xavier_average(noise):
    n_prev, n = fans(noise)
    return math.sqrt(2 / (n_prev + n)) * noise


def fans(noise):
    """How many numbers enter one unit of the layer (n_prev) and how many units one number enters (n)."""
    if noise.ndim not in (2, 4):
        raise ValueError(
            f"noise has shape {noise.shape}; expected that of a weight, (n, n_prev) or (fh, fw, c_prev, c)"
        )
    if noise.ndim == 2:
        n, n_prev = noise.shape
    else:
        fh, fw, c_prev, c = noise.shape
        n_prev, n = fh * fw * c_prev, fh * fw * c
    return n_prev, n
