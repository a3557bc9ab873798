"""Exponentially weighted average of a series theta_1, ..., theta_T: about the mean of the last 1/(1 - beta) values.

    v_0 = 0          v_t = beta v_{t-1} + (1 - beta) theta_t          v_t / (1 - beta^t) with bias correction

Without the correction the first values are pulled towards v_0 = 0. theta [T] -> [T].
"""

import jax
import jax.numpy as jnp

from jax_impl.checks import decay_rate
from jax_impl.training.checks import vector


def exponentially_weighted_average(theta, beta=0.9, bias_correction=True):
    vector("theta", theta)
    decay_rate("beta", beta)

    def step(v, theta_t):
        v = beta * v + (1 - beta) * theta_t
        return v, v

    _, averages = jax.lax.scan(step, jnp.zeros_like(theta[0]), theta)
    t = jnp.arange(1, theta.shape[0] + 1, dtype=theta.dtype)
    return averages / (1 - beta**t) if bias_correction else averages
