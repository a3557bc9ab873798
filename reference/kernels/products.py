"""Matrix products in pieces so small that the BLAS multiplies them as they lie.

A BLAS copies its operands into an order of its own before it multiplies. With few columns that is a large part of the
time, and OpenBLAS has, for processors with AVX-512, code without it for products of at most 10^6 multiplications. So
there a long product is cut into pieces of rows. That code runs on one thread, and is not used unless the BLAS does too.
"""

from functools import cache

import numpy as np

from reference.kernels import threads
from reference.kernels.threads import share, span, total

WITH_AVX_512 = {"SkylakeX", "Cooperlake", "SapphireRapids"}
LARGEST, WORTH_A_SUM, AT_ONCE, WORTH_TURNING, WORTH_A_COPY = 10**6, 64, 16, 1000, 4
"""Multiplications in a piece; rows of a piece whose result is only a part of a sum, and how many such results are held;
rows for which it pays to turn a result round; times as many rows as the second factor has, for which a copy of that
pays. All from measurements."""
FEW_COLUMNS, L1_BYTES = {4: 64, 8: 256}, 48 << 10
"""Where pieces pay: each of them reads the whole second factor, which has few columns (for numbers of so many bytes) or
is in the nearest cache."""


def matmul(A, B, out=None):
    """A [.. r k] @ B [.. k n], where both have the same leading axes, or B none; whole where B is a view turned round,
    which every piece would turn again."""
    r, (k, n) = A.shape[-2], B.shape[-2:]
    rows = piece(k, n, A.itemsize)
    if rows >= r or B.strides[-1] > B.itemsize:
        return np.matmul(A, B, out=out)
    out = np.empty((*A.shape[:-1], n), A.dtype) if out is None else out
    cut = r - r % rows
    pieces = out[..., :cut, :].reshape(*out.shape[:-2], -1, rows, n)
    np.matmul(A[..., :cut, :].reshape(*A.shape[:-2], -1, rows, k), B[..., None, :, :], out=pieces)
    np.matmul(A[..., cut:, :], B, out=out[..., cut:, :])
    return out


def matmul_over_rows(A, B, out=None):
    """A^T B summed over the rows of A [.. r k] and B [.. r n]."""
    r, k, n = *A.shape[-2:], B.shape[-1]
    rows = piece(k, n, A.itemsize) if sums_in_pieces(k, n, A.itemsize) else r
    if A.ndim == 2 and rows < r:
        return sum_over_pieces(A, B, rows, out)
    A = A.swapaxes(-1, -2)
    out = np.matmul(A[..., :rows], B[..., :rows, :], out=out)
    for i in range(rows, r, rows):
        out += A[..., i : i + rows] @ B[..., i : i + rows, :]
    return out


def sum_over_pieces(A, B, rows, out=None):
    """The same of two matrices, several pieces of so many rows at once."""
    cut = len(A) - len(A) % rows
    A_pieces, B_pieces = (M[:cut].reshape(-1, rows, M.shape[1]) for M in (A, B))
    out = np.matmul(A[cut:].T, B[cut:], out=out)
    for i in range(0, len(A_pieces), AT_ONCE):
        out += (A_pieces[i : i + AT_ONCE].swapaxes(1, 2) @ B_pieces[i : i + AT_ONCE]).sum(axis=0)
    return out


def shared_matmul(A, B):
    """A [r k] @ B [k n], of which every worker makes some rows, or some columns if there are more of those."""
    r, n = len(A), B.shape[1]
    Z = np.empty((r, n), A.dtype)

    def rows(part):
        matmul(A[span(part)], B, out=Z[span(part)])

    def columns(part):
        matmul(A, B[:, span(part)], out=Z[:, span(part)])

    share(rows if r >= n else columns, range(max(r, n)))
    return Z


def shared_matmul_over_rows(A, B):
    """A^T B summed over the rows of A [r k] and B [r n]: every worker sums over some of them, or makes some rows or
    columns of the result if there are more of those. It may lie in memory as its transpose."""
    (r, k), n = A.shape, B.shape[1]
    if better_turned(r, k, n, A.dtype):
        return shared_matmul_over_rows(B, A).T
    if r >= max(k, n):
        return total(share(lambda part: matmul_over_rows(A[span(part)], B[span(part)]), range(r)))
    Z = np.empty((k, n), A.dtype)

    def rows(part):
        matmul_over_rows(A[:, span(part)], B, out=Z[span(part)])

    def columns(part):
        matmul_over_rows(A, B[:, span(part)], out=Z[:, span(part)])

    share(rows if k > n else columns, range(max(k, n)))
    return Z


def better_turned(rows, k, n, dtype, in_cache=False):
    """Whether (B^T A)^T is made sooner than A^T B from so many rows in all; it has to be turned round in the end. In
    pieces it is when the factors come from memory, and whole when they are float64."""
    sooner = not in_cache if sums_in_pieces(k, n, np.dtype(dtype).itemsize) else dtype == np.float64
    return sooner and k > n and rows >= WORTH_TURNING


def transposed(B, rows):
    """The transpose of matrices [.. k n], copied if a product of so many rows with it can then be made in pieces and is
    quicker by more than the copy takes."""
    *_, k, n = B.shape
    pays = piece(n, k, B.itemsize) < LARGEST and rows >= WORTH_A_COPY * max(k, n)
    return np.ascontiguousarray(B.swapaxes(-1, -2)) if pays else B.swapaxes(-1, -2)


def piece(k, n, itemsize):
    """How many rows a piece has, a multiple of what is worked on together; as good as all if pieces do not pay."""
    rows = LARGEST // (k * n)
    pays = n <= FEW_COLUMNS[itemsize] // (1 if rows >= 8 else 2) or k * n * itemsize <= L1_BYTES
    if rows < 4 or not (pays and threads.blas_has_one() and small_products_are_quick()):
        return LARGEST
    return rows - rows % 8 if rows >= 8 else 4


def sums_in_pieces(k, n, itemsize):
    """Whether pieces pay whose results, each k x n, have to be added up."""
    return WORTH_A_SUM <= piece(k, n, itemsize) < LARGEST


@cache
def small_products_are_quick():
    """Whether that code is run: OpenBLAS takes a processor that it does not know, or is told to, for an older one."""
    return not WITH_AVX_512.isdisjoint(threads.blas_cores())
