"""Gradient checking: a gradient of J at the vector theta against difference quotients, one coordinate at a time.

    approx_i = (J(theta + epsilon e_i) - J(theta - epsilon e_i)) / (2 epsilon)
    gradient_check = ||gradient - approx|| / (||gradient|| + ||approx||)        notes: 1e-7 is great, 1e-3 is a bug

    complex_step_i = Im J(theta + i h e_i) / h           no difference is taken, so nothing cancels and h can be tiny:
                                                         exact to rounding, for a J that is analytic in theta

theta [n] in float64, J: theta -> a number. `torch.autograd.gradcheck` compares entry by
entry instead.
"""

import torch

from torch_impl.checks import positive
from torch_impl.training.checks import double, vector


def gradient_check(J, theta, gradient, epsilon=1e-7):
    vector("theta", theta)
    double("theta", theta)
    positive("epsilon", epsilon)
    if gradient.shape != theta.shape:
        raise ValueError(f"gradient has shape {tuple(gradient.shape)}; expected {tuple(theta.shape)}, that of theta")
    steps = epsilon * torch.eye(theta.numel(), dtype=theta.dtype, device=theta.device)
    with torch.no_grad():
        approx = torch.stack([(J(theta + step) - J(theta - step)) / (2 * epsilon) for step in steps])
        total = gradient.norm() + approx.norm()
        if total == 0:
            raise ValueError("gradient and its approximation are both zero; expected a theta where J has a slope")
        return ((gradient - approx).norm() / total).item()


def complex_step(J, theta, h=1e-30):
    vector("theta", theta)
    double("theta", theta)
    positive("h", h)
    steps = h * torch.eye(theta.numel(), dtype=theta.dtype, device=theta.device)
    with torch.no_grad():
        return torch.stack([J(torch.complex(theta, step)).imag / h for step in steps])
