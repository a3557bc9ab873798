"""Winograd's schemes: m outputs of a filter with three taps by fewer than 3 m products.

    along one axis    V = B d, from the inputs d of a tile        U = G g, from the filter g        y = A (V U)
    transposed        dV = U (A^T dy)        dU = V (A^T dy)      dd = B^T dV        dg = G^T dU

with V U point by point. In two directions the products multiply: F23 needs 4 for 2 outputs instead of 6, so 16 for a
tile of 2 x 2 instead of 36; F43 needs 6 for 4 outputs, so 36 for 4 x 4 instead of 144, at ten times the rounding error.
Sources: Winograd 1980, "Arithmetic Complexity of Computations"; Lavin & Gray 2016.
"""

from functools import cache
from typing import NamedTuple

import numpy as np


class Scheme(NamedTuple):
    B: tuple
    G: tuple
    A: tuple


F23 = Scheme(
    B=((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, -1, 0, 1)),
    G=((1, 0, 0), (1 / 2, 1 / 2, 1 / 2), (1 / 2, -1 / 2, 1 / 2), (0, 0, 1)),
    A=((1, 1, 1, 0), (0, 1, -1, 1)),
)
F43 = Scheme(
    B=(
        (4, 0, -5, 0, 1, 0),
        (0, -4, -4, 1, 1, 0),
        (0, 4, -4, -1, 1, 0),
        (0, -2, -1, 2, 1, 0),
        (0, 2, -1, -2, 1, 0),
        (0, 4, 0, -5, 0, 1),
    ),
    G=(
        (1 / 4, 0, 0),
        (-1 / 6, -1 / 6, -1 / 6),
        (-1 / 6, 1 / 6, -1 / 6),
        (1 / 24, 1 / 12, 1 / 6),
        (1 / 24, -1 / 12, 1 / 6),
        (0, 0, 1),
    ),
    A=((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1)),
)


@cache
def in_two_directions(matrix, dtype):
    """What a matrix does to the rows and to the columns of a tile, as one matrix."""
    return np.kron(matrix, matrix).astype(dtype)


def combine(coefficients, arrays, out=None):
    """sum_i coefficient_i array_i, where zeros cost nothing and plus or minus one an addition: in `out`, or in an array
    of its own, or one of the given."""
    (i, c), *rest = terms(coefficients)
    result = arrays[i]
    if c != 1 or (out is not None and not rest):
        result = out = np.multiply(result, c, out=out)
    for i, c in rest:
        term = arrays[i] if abs(c) == 1 else abs(c) * arrays[i]
        result = out = (np.add if c > 0 else np.subtract)(result, term, out=out)
    return result


@cache
def terms(coefficients):
    """Pairs (i, coefficient), those of a one first."""
    return sorted(((i, c) for i, c in enumerate(coefficients) if c), key=lambda term: term[1] != 1)


def spread(B, dV, out, axis):
    """What tiles say of their inputs, B^T dV: input j of tile t is at place j mod m of `out`, tile t + j // m, so what
    two tiles say is added up. Tiles lie along an axis of dV[0], and one more along that axis of out[0]."""
    columns, m = list(zip(*B)), len(out)

    def tiles(start, stop):
        return (*[slice(None)] * axis, slice(start, stop))

    for j, place in enumerate(out):
        own = combine(columns[j], dV)
        if j + m < len(columns):
            before = combine(columns[j + m], dV)
            np.add(own[tiles(1, None)], before[tiles(None, -1)], out=place[tiles(1, -1)])
            place[tiles(0, 1)], place[tiles(-1, None)] = own[tiles(0, 1)], before[tiles(-1, None)]
        else:
            place[tiles(None, -1)], place[tiles(-1, None)] = own, 0
