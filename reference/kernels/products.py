"""Matrix products A B by pieces of rows of A (pieces.py), where a wide B is copied, once, into blocks of columns."""

from functools import partial

import numpy as np

from reference.kernels import pieces
from reference.kernels.threads import chunks, share, span

WORTH_BLOCKS, WORTH_A_COPY = {4: (256, 25e6), 8: (100, 5e6)}, {4: 4, 8: 1}
"""For numbers of 4 and 8 bytes: rows and multiplications for which the copy into blocks pays; times as many rows as the
second factor has, if that is to be turned round as well. From measurements."""


def times(B, rows, copy=np.ascontiguousarray):
    """The function (A, out=None) -> A [.. r k] @ B [.. k n], where both have the same leading axes, or B none, for A of
    so many rows in all. What B needs is done once."""
    parts = chunks(range(B.shape[-2]), pieces.LONGEST)
    factors = [in_pieces(B[..., part, :], rows, copy) for part in parts]
    if None in factors:
        return lambda A, out=None: np.matmul(A, B, out=out)
    return partial(summed, list(zip(parts, factors)))


def shared_times(B, rows):
    """The same, where workers share that copy."""
    return times(B, rows, shared_copy)


def shared_copy(M):
    """[.. k n] in order, of which every worker copies some rows."""
    if M.flags.c_contiguous:
        return M
    ordered = np.empty(M.shape, M.dtype)

    def work(part):
        ordered[..., span(part), :] = M[..., span(part), :]

    share(work, range(M.shape[-2]))
    return ordered


def shared_matmul(A, B):
    """A [r k] @ B [k n], of which every worker makes some rows, or some columns if there are more of those."""
    r, n = len(A), B.shape[1]
    Z = np.empty((r, n), A.dtype)
    if r < n:
        share(lambda part: times(B[:, span(part)], r)(A, out=Z[:, span(part)]), range(n))
    else:
        by_B = shared_times(B, r)
        share(lambda part: by_B(A[span(part)], out=Z[span(part)]), range(r))
    return Z


def summed(factors, A, out=None):
    """A [.. r k] times each factor, which takes a part of k."""
    (part, by_B), *others = factors
    out = by_B(A[..., part], out)
    for part, by_B in others:
        out += by_B(A[..., part])
    return out


def in_pieces(B, rows, copy):
    """The product with B [.. k n] by pieces, None if they do not pay."""
    k, n = B.shape[-2:]
    columns = width(B, rows)
    height = pieces.piece(k, columns, B.itemsize)
    one = height == pieces.LARGEST or (columns == n and height >= rows)
    turned = B.strides[-1] > B.itemsize
    if one or (turned and rows < WORTH_A_COPY[B.itemsize] * k):
        return None
    return partial(by_blocks, copy(in_columns(B, columns)), height)


def width(B, rows):
    """How many columns of B make a block, all if that copy does not pay."""
    k, n = B.shape[-2:]
    widths = pieces.WIDTHS[B.itemsize]
    least_rows, least = WORTH_BLOCKS[B.itemsize]
    if n <= widths[0] or pieces.is_near(k, n, B.itemsize) or rows < least_rows or rows * B.size < least:
        return n
    few = pieces.has_few_columns(n, B.itemsize)
    return next((c for c in widths if n % c == 0 and (few or pieces.is_near(k, c, B.itemsize))), n)


def by_blocks(blocks, height, A, out=None):
    """A [.. r k] by blocks [.. q k c] of columns, so many rows at a time -> [.. r (q c)]"""
    *lead, r, k = A.shape
    *_, q, _, columns = blocks.shape
    out = np.empty((*lead, r, q * columns), A.dtype) if out is None else out
    cut = r - r % height
    A_pieces = A[..., :cut, :].reshape(*lead, cut // height, 1, height, k)
    out_pieces = out[..., :cut, :].reshape(*lead, cut // height, height, q * columns)
    np.matmul(A_pieces, blocks[..., None, :, :, :], out=in_columns(out_pieces, columns))
    np.matmul(A[..., None, cut:, :], blocks, out=in_columns(out[..., cut:, :], columns))
    return out


def in_columns(M, columns):
    """[.. r (q c)] -> [.. q r c]"""
    *lead, r, n = M.shape
    return M.reshape(*lead, r, n // columns, columns).swapaxes(-2, -3)
