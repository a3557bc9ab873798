"""Refusals of what training is given: each names the argument, what came and what was expected.

Inside a transformation (jit, vmap, inject_hyperparams) a traced array has no values yet and is taken on trust.
"""

import jax
import numpy as np


def epochs(epoch, first=0):
    """One epoch or an array of them, none before the first."""
    if not isinstance(epoch, jax.core.Tracer) and np.any(np.asarray(epoch) < first):
        raise ValueError(f"epoch is {epoch}; expected {first} or later")


def vector(name, values):
    if values.ndim != 1 or values.shape[0] == 0:
        raise ValueError(f"{name} has shape {values.shape}; expected a vector of at least one value")


def finite(name, values):
    if not np.all(np.isfinite(values)):
        raise ValueError(f"{name} holds {values[~np.isfinite(values)][0]}; expected finite numbers")


def double(name, values):
    """Double precision, without which a difference quotient is all rounding."""
    if values.dtype != float:
        raise ValueError(f"{name} is of {values.dtype}; expected float64 (in jax, set jax_enable_x64)")


def permutation(name, order, m):
    """Each of the m examples exactly once."""
    if not isinstance(order, jax.core.Tracer) and not np.array_equal(np.sort(np.asarray(order)), np.arange(m)):
        raise ValueError(f"{name} is no permutation of the {m} examples; expected each of 0..{m - 1} exactly once")
