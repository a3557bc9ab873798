"""Penalties on one layer's weights, added to the cost of m examples; biases are left out.

    l2_penalty   lambd/(2m) sum W^2
    l1_penalty   lambd/(2m) sum |W|          (gradient 0 at w = 0)

|W| is written W sign(W) because jax's gradient of `jnp.abs` at 0 is 1. CONVENTIONS.md, "Ties and kinks".
"""

import jax.numpy as jnp

from jax_impl.checks import non_negative, whole


def l2_penalty(W, lambd, m):
    non_negative("lambd", lambd)
    whole("m", m)
    return lambd / (2 * m) * jnp.square(W).sum()


def l1_penalty(W, lambd, m):
    non_negative("lambd", lambd)
    whole("m", m)
    return lambd / (2 * m) * (W * jnp.sign(W)).sum()
