"""Initial weights as functions of standard normal noise of the weight's shape, so that every framework can start alike.

    zeros            0
    small_random     scale noise
    he               sqrt(2 / n_prev) noise            as variance_scaling(2, "fan_in", "normal")
    xavier           sqrt(1 / n_prev) noise            as variance_scaling(1, "fan_in", "normal")
    xavier_average   sqrt(2 / (n_prev + n)) noise      as variance_scaling(1, "fan_avg", "normal")

Kernel (n_prev, n), or (fh, fw, c_prev, c) for a convolution, with n_prev = fh fw c_prev and n = fh fw c. Biases start
at zero. jax's `he_normal` cuts its noise at two standard deviations: CONVENTIONS.md, "Initializers".
"""

import math

import jax.numpy as jnp

from jax_impl.checks import positive


def zeros(noise):
    return jnp.zeros_like(noise)


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
            f"noise has shape {noise.shape}; expected that of a weight, (n_prev, n) or (fh, fw, c_prev, c)"
        )
    receptive_field = math.prod(noise.shape[:-2])
    return receptive_field * noise.shape[-2], receptive_field * noise.shape[-1]
