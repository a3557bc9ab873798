"""Ways to spoil a number without spoiling its graph: coarser values, or a gradient that is not the value's own."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def as_tf32(x: Any) -> Any:
    """Rounded to the 11 significant bits that TF32 leaves of a float32; the gradient passes."""
    return x + jax.lax.stop_gradient(jax.lax.reduce_precision(x, exponent_bits=8, mantissa_bits=10) - x)


def scaled_gradient(x: Any, factor: float) -> Any:
    """x, whose gradient is multiplied by the factor."""
    held = jax.lax.stop_gradient(x)
    return held + factor * (x - held)


def in_float32(function: Any) -> Any:
    """The function, computed in float32 and returned in the dtype of its first argument."""

    def narrow(*args: Any) -> Any:
        return function(*(jnp.asarray(x, jnp.float32) for x in args)).astype(args[0].dtype)

    return narrow
