"""Matrix products in pieces so small that the BLAS multiplies them as they lie.

A BLAS copies its operands into an order of its own before it multiplies. With few columns that is a large part of the
time, and OpenBLAS has, for processors with AVX-512, code without it for products of at most 10^6 multiplications. So
there a long product is cut into pieces of rows. That code runs on one thread, and is not used unless the BLAS does too.
"""

from functools import cache

import numpy as np

from reference.kernels import threads
from reference.kernels.threads import total

LARGEST, WIDEST, WORTH_A_SUM = 10**6, 1024, 200
"""Multiplications in a piece; bytes in a row of its result; rows of a piece whose result is only a part of a sum."""


def matmul(A, B, out=None):
    """A [.. r k] @ B [.. k n], where both have the same leading axes, or B none."""
    r, (k, n) = A.shape[-2], B.shape[-2:]
    rows = piece(k, n)
    if rows >= r or n * A.itemsize > WIDEST:
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


def transposed(B):
    """The transpose of matrices [.. k n]: copied if a product with it will be made in pieces, which do not pay if a
    column of it is far from the next; else a view."""
    *_, k, n = B.shape
    return np.ascontiguousarray(B.swapaxes(-1, -2)) if piece(n, k) < LARGEST else B.swapaxes(-1, -2)


def piece(k, n):
    """How many rows a piece has, a multiple of what is worked on together; as good as all if pieces do not pay."""
    rows = LARGEST // (k * n)
    if rows < 4 or not (threads.blas_has_one() and small_products_are_quick()):
        return LARGEST
    return rows - rows % 8 if rows >= 8 else 4


@cache
def small_products_are_quick():
    config = np.show_config(mode="dicts")
    blas = config["Build Dependencies"]["blas"].get("name", "")
    found = config["SIMD Extensions"].get("found", [])
    return "openblas" in blas and not {"AVX512_SKX", "X86_V4"}.isdisjoint(found)
