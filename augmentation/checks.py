"""Refusals: each names the argument, what came and what was expected."""

from collections.abc import Sequence
from numbers import Integral

import numpy as np

from reference.checks import images


def pictures(name, X, at_least=(1, 1)):
    """Images [m h w c] of floats: whole numbers would be rounded, or wrap around at 255."""
    images(name, X, at_least=at_least)
    if not np.issubdtype(X.dtype, np.floating):
        raise ValueError(f"{name} is of {X.dtype}; expected floats (X / 255.0 if it is 0 to 255)")


def extent(name, size):
    """The (height, width) of what is cut out, at least a pixel each."""
    if not (isinstance(size, Sequence) and len(size) == 2 and all(isinstance(n, Integral) and n >= 1 for n in size)):
        raise ValueError(f"{name} is {size!r}; expected (height, width), whole numbers of at least 1")


def one_each(name, values, m, width=()):
    """`values` for each of the m images: of shape (m, *width), or of shape `width` and meant for all of them."""
    values = np.asarray(values)
    if values.shape not in ((m, *width), width):
        raise ValueError(f"{name} has shape {values.shape}; expected {(m, *width)}, or {width} for all images alike")
    return np.broadcast_to(values, (m, *width))
