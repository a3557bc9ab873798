"""Sums of products A^T B over the rows of both, by pieces of rows (pieces.py)."""

import numpy as np

from reference.kernels import pieces
from reference.kernels.threads import share, span, total

WORTH_A_SUM, AT_ONCE, WORTH_TURNING = 64, 16, 1000
"""Rows of a piece, whose result is only a part of the sum; how many such results are held; rows for which it pays to
turn the sum round. All from measurements."""


def matmul_over_rows(A, B, out=None):
    """A^T B summed over the rows of A [.. r k] and B [.. r n]."""
    r, k, n = *A.shape[-2:], B.shape[-1]
    rows = min(pieces.piece(k, n, A.itemsize), pieces.LONGEST) if sums_in_pieces(k, n, A.itemsize) else r
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


def sums_in_pieces(k, n, itemsize):
    """Whether pieces pay whose results, each k x n, have to be added up."""
    return WORTH_A_SUM <= pieces.piece(k, n, itemsize) < pieces.LARGEST
