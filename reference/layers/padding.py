"""Zero padding, and how much of it a filter or a pool asks for.

    X_pad = zeros around each image of X [m h w c]                     dX = dX_pad without its border

A padding is  "valid"      none
              "same"       floor((f - 1) d / 2) on every side, PyTorch's habit (an even f loses a row and a column)
              "same_tf"    TensorFlow's: the output is ceil(n / s) for any f; an odd zero goes to the bottom and right,
                           so that at stride 2 an even image is padded on those sides only
              p, (p_h, p_w) or ((top, bottom), (left, right))

At stride 2 the two "same" give outputs of one size but shifted by a pixel: CONVENTIONS.md, "Same padding".
Source: Course 4, week 1, "Padding".
"""

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from reference.checks import images
from reference.module import Layer


@dataclass(frozen=True)
class ZeroPad(Layer):
    padding: int | tuple

    def __post_init__(self):
        border(self.padding)

    def forward(self, p, X):
        images("X", X, integers=True)
        (top, bottom), (left, right) = border(self.padding)
        h, w = X.shape[1:3]

        def back(dX_pad):
            return {}, dX_pad[:, top : top + h, left : left + w]

        return np.pad(X, ((0, 0), (top, bottom), (left, right), (0, 0))), back


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
