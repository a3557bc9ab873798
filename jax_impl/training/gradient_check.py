"""Gradient checking: a gradient of J at the vector theta against difference quotients, one coordinate at a time.

    approx_i = (J(theta + epsilon e_i) - J(theta - epsilon e_i)) / (2 epsilon)
    gradient_check = ||gradient - approx|| / (||gradient|| + ||approx||)        notes: 1e-7 is great, 1e-3 is a bug

    complex_step_i = Im J(theta + i h e_i) / h           no difference is taken, so nothing cancels and h can be tiny:
                                                         exact to rounding, for a J that is analytic in theta

theta [n] in float64, J: theta -> a number. `jax.test_util.check_grads` takes random
directions instead.
"""

import jax
import jax.numpy as jnp

from jax_impl.checks import positive
from jax_impl.training.checks import double, vector


def gradient_check(J, theta, gradient, epsilon=1e-7):
    vector("theta", theta)
    double("theta", theta)
    positive("epsilon", epsilon)
    if gradient.shape != theta.shape:
        raise ValueError(f"gradient has shape {gradient.shape}; expected {theta.shape}, the shape of theta")
    steps = epsilon * jnp.eye(theta.size, dtype=theta.dtype)
    approx = jax.vmap(lambda step: (J(theta + step) - J(theta - step)) / (2 * epsilon))(steps)
    total = jnp.linalg.norm(gradient) + jnp.linalg.norm(approx)
    if total == 0:
        raise ValueError("gradient and its approximation are both zero; expected a theta where J has a slope")
    return float(jnp.linalg.norm(gradient - approx) / total)


def complex_step(J, theta, h=1e-30):
    vector("theta", theta)
    double("theta", theta)
    positive("h", h)
    steps = h * jnp.eye(theta.size, dtype=theta.dtype)
    return jax.vmap(lambda step: J(jax.lax.complex(theta, step)).imag / h)(steps)
