"""Initial weights as functions of standard normal noise of the weight's shape, so that every framework can start alike.

    zeros            0
    small_random     scale noise
    he               sqrt(2 / n_prev) noise            as kaiming_normal_
    xavier           sqrt(1 / n_prev) noise            as kaiming_normal_(nonlinearity="linear")
    xavier_average   sqrt(2 / (n_prev + n)) noise      as xavier_normal_

Weight (n, n_prev), or (c, c_prev, fh, fw) for a convolution, with n_prev = fh fw c_prev and n = fh fw c. Biases start
at zero. torch's own default is another one, uniform on +-1/sqrt(n_prev): CONVENTIONS.md, "Initializers".
"""

import math

import torch

from torch_impl.checks import positive


def zeros(noise):
    return torch.zeros_like(noise)


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
            f"noise has shape {tuple(noise.shape)}; expected that of a weight, (n, n_prev) or (c, c_prev, fh, fw)"
        )
    receptive_field = math.prod(noise.shape[2:])
    return receptive_field * noise.shape[1], receptive_field * noise.shape[0]
