"""Matrix products in pieces so small that the BLAS multiplies them as they lie.

A BLAS copies its operands into an order of its own before it multiplies. With few columns that is a large part of the
time, and OpenBLAS has, for processors with AVX-512, code without it for products of at most 10^6 multiplications. So
there a long product is cut into pieces of rows. That code runs on one thread, and is not used unless the BLAS does too.
"""

from functools import cache

import numpy as np

from reference.kernels import threads
from reference.kernels.threads import total

WITH_AVX_512 = {"SkylakeX", "Cooperlake", "SapphireRapids"}
LARGEST, WORTH_A_SUM, WORTH_TURNING, WORTH_A_COPY = 10**6, 64, 1000, 1 << 16
"""Multiplications in a piece; rows of a piece whose result is only a part of a sum; rows for which it pays to turn a
result round; values of a factor for which it pays to turn it round first. All from measurements."""


def matmul(A, B, out=None):
    """A [.. r k] @ B [.. k n], where both have the same leading axes, or B none."""
    r, (k, n) = A.shape[-2], B.shape[-2:]
    rows = piece(k, n)
    if rows >= r:
        return np.matmul(A, B, out=out)
    out = np.empty((*A.shape[:-1], n), A.dtype) if out is None else out
    cut = r - r % rows
    pieces = out[..., :cut, :].reshape(*out.shape[:-2], -1, rows, n)
    np.matmul(A[..., :cut, :].reshape(*A.shape[:-2], -1, rows, k), B[..., None, :, :], out=pieces)
    np.matmul(A[..., cut:, :], B, out=out[..., cut:, :])
    return out


def matmul_over_rows(A, B):
    """A^T B summed over the rows of A [.. r k] and B [.. r n]."""
    r, k, n = *A.shape[-2:], B.shape[-1]
    rows = piece(k, n)
    A, rows = A.swapaxes(-1, -2), rows if rows >= WORTH_A_SUM else r
    return total(A[..., i : i + rows] @ B[..., i : i + rows, :] for i in range(0, r, rows))


def turned_matmul_over_rows(A, B):
    """The same, lying in memory as its transpose: much quicker in float64 if k > n, but to be turned in the end."""
    return matmul_over_rows(B, A).swapaxes(-1, -2)


def over_rows(rows, k, n, dtype):
    """The better of the two for so many rows in all."""
    return turned_matmul_over_rows if dtype == np.float64 and k > n and rows >= WORTH_TURNING else matmul_over_rows


def transposed(B):
    """The transpose of matrices [.. k n], copied if that makes a product with it quicker by more than it costs."""
    *_, k, n = B.shape
    small = B.dtype == np.float32 and k * n <= WORTH_A_COPY
    return np.ascontiguousarray(B.swapaxes(-1, -2)) if small or piece(n, k) < LARGEST else B.swapaxes(-1, -2)


def piece(k, n):
    """How many rows a piece has, a multiple of what is worked on together; as good as all if pieces do not pay."""
    rows = LARGEST // (k * n)
    if rows < 4 or n > (128 if rows < 8 else 256) or not (threads.blas_has_one() and small_products_are_quick()):
        return LARGEST
    return rows - rows % 8 if rows >= 8 else 4


@cache
def small_products_are_quick():
    """Whether that code is run: OpenBLAS takes a processor that it does not know, or is told to, for an older one."""
    return not WITH_AVX_512.isdisjoint(threads.blas_cores())
