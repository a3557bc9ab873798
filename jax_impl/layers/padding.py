"""Zero padding, and how much of it a filter or a pool asks for.

XLA's "SAME" is "same_tf" here; "same" pads both sides alike, as PyTorch models do (CONVENTIONS.md, "Same padding").
XLA makes an empty output of an image smaller than the filter, hence the refusal.
"""

from numbers import Integral

import jax.numpy as jnp
from flax import nnx


class ZeroPad(nnx.Module):
    def __init__(self, padding: int | tuple):
        border(padding)
        self.padding = padding

    def __call__(self, x):
        return jnp.pad(x, ((0, 0), *border(self.padding), (0, 0)))


def pair(value):
    """One value for height and width, or a pair of them."""
    return value if isinstance(value, tuple) else (value, value)


def border(padding):
    """((top, bottom), (left, right)) of a padding that is given in numbers: p, (p_h, p_w) or both sides of each."""
    sides = tuple(pair(side) for side in pair(padding))
    numbers = [n for side in sides for n in side]
    if {len(sides), *map(len, sides)} != {2} or not all(isinstance(n, Integral) and n >= 0 for n in numbers):
        raise ValueError(
            f"padding is {padding!r}; expected p, (p_h, p_w) or ((top, bottom), (left, right)) in zeros, none below 0"
        )
    return sides


def pads(padding, f, stride=(1, 1), dilation=(1, 1), size=None):
    """((top, bottom), (left, right)) for a filter f = (fh, fw) on images of (h, w) = size, which it must not exceed."""
    reach = [(n - 1) * d + 1 for n, d in zip(f, dilation)]
    if padding == "same_tf":
        totals = [max((-(-n // s) - 1) * s + r - n, 0) for n, s, r in zip(size, stride, reach)]
        sides = tuple((total // 2, total - total // 2) for total in totals)
    elif padding == "same":
        sides = tuple(pair((r - 1) // 2) for r in reach)
    elif isinstance(padding, str) and padding != "valid":
        raise ValueError(f"padding is {padding!r}; expected 'valid', 'same', 'same_tf' or numbers of zeros")
    else:
        sides = border(0 if padding == "valid" else padding)
    if size is not None and any(n + sum(side) < r for n, side, r in zip(size, sides, reach)):
        raise ValueError(f"an image of {size[0]} x {size[1]} with padding {sides} is smaller than the filter, {reach}")
    return sides
