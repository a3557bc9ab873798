"""Refusals: each names the argument, what came and what was expected.

Inside a transformation (jit, vmap, inject_hyperparams) a traced number has no value yet and is taken on trust.
"""

from math import inf
from numbers import Integral, Real

import jax
import jax.numpy as jnp
import numpy as np


def images(x, channels, at_least=1, integers=False):
    """x must be a batch of images m h w c, c = channels if given, with at least so many pixels high and wide."""
    if x.ndim != 4:
        hint = " (one image is a batch of one: x[None])" if x.ndim == 3 else ""
        raise ValueError(f"x has shape {x.shape}; expected images (m, h, w, c){hint}")
    if channels is not None and x.shape[3] != channels:
        turned = " (it looks like m c h w: move the channels to the end)" if x.shape[1] == channels else ""
        raise ValueError(f"x has shape {x.shape}, so {x.shape[3]} channels; expected {channels}{turned}")
    if min(x.shape[1:3]) < at_least:
        raise ValueError(f"x has shape {x.shape}; expected at least {at_least} x {at_least} pixels")
    if not integers:
        floats(x)


def maps(x, size, steps):
    """The images x must leave maps of (h, w) = size for a dense layer, after filters and pools (f, stride, padding)."""
    h, w = x.shape[1:3]
    limits = [(max(1, smallest(n, steps)), smallest(n + 1, steps) - 1) for n in size]
    if not all(least <= n <= most for n, (least, most) in zip((h, w), limits)):
        high, wide = (str(least) if least == most else f"{least} to {most}" for least, most in limits)
        raise ValueError(
            f"x has shape {x.shape}, so {h} x {w} pixels; expected {high} high and {wide} wide, "
            f"which leave the maps of h x w = {size[0]} x {size[1]} that are flattened"
        )


def smallest(n, steps):
    """The least pixels of which filters and pools (f, stride, padding), one after the other, leave n."""
    for f, s, p in reversed(steps):
        n = (n - 1) * s - 2 * p + f
    return n


def floats(x):
    """Integers would be rounded, or wrap around at 255."""
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        raise ValueError(f"x is of {x.dtype}; expected floats (x / 255.0 if it is 0 to 255)")


def sizes(**values):
    """Each a whole number of at least 1, or a pair (height, width) of them."""
    for name, value in values.items():
        numbers = value if isinstance(value, tuple) and len(value) == 2 else (value,)
        if not all(isinstance(n, Integral) and n >= 1 for n in numbers):
            raise ValueError(
                f"{name} is {value!r}; expected a whole number of at least 1, or a pair (height, width) of them"
            )


def one_of(name, value, known):
    """The value must be one of the known names."""
    if value not in known:
        raise ValueError(f"{name} is {value!r}; expected one of {', '.join(map(repr, known))}")


def positive(name, value):
    if not _holds(value, lambda number: 0 < number < inf):
        raise ValueError(f"{name} is {value!r}; expected a positive number")


def non_negative(name, value):
    if not _holds(value, lambda number: 0 <= number < inf):
        raise ValueError(f"{name} is {value!r}; expected a number that is not negative")


def decay_rate(name, value):
    """The weight of the past in an exponentially weighted average."""
    if not _holds(value, lambda number: 0 <= number < 1):
        raise ValueError(f"{name} is {value!r}; expected a decay rate in [0, 1)")


def whole(name, value):
    if not (isinstance(value, Integral) and value >= 1):
        raise ValueError(f"{name} is {value!r}; expected a whole number of at least 1")


def _holds(value, condition):
    if isinstance(value, jax.core.Tracer):
        return True
    return isinstance(value, Real | jax.Array) and np.ndim(value) == 0 and bool(condition(value))
