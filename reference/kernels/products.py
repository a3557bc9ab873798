"""Matrix products in pieces so small that the BLAS multiplies them as they lie.

A BLAS copies its operands into an order of its own before it multiplies. OpenBLAS has, for processors with AVX-512,
code without it for products of at most 10^6 multiplications, and where the rows of the second factor are short and lie
side by side nothing is quicker. So there a long product is cut into pieces of rows, and a wide second factor is copied,
once, into blocks of columns. That code runs on one thread, and is not used unless the BLAS does too.
"""

from functools import cache, partial

import numpy as np

from reference.kernels import threads
from reference.kernels.threads import chunks, share, span, total

WITH_AVX_512 = {"SkylakeX", "Cooperlake", "SapphireRapids"}
LARGEST, WORTH_A_SUM, AT_ONCE, WORTH_TURNING = 10**6, 64, 16, 1000
"""Multiplications in a piece; rows of a piece whose result is only a part of a sum, and how many such results are held;
rows for which it pays to turn a result round. All from measurements, as what follows, for numbers of 4 and 8 bytes."""
LONGEST = 1200
"""Terms that a piece adds up one after the other: of more, the sum is more than twice as far off as that of a BLAS that
adds up parts of some hundred."""
WIDTHS = {4: (64, 48, 32), 8: (32, 24, 16)}
"""Columns of a block: the first that leaves none over."""
WORTH_BLOCKS, WORTH_A_COPY = {4: (256, 25e6), 8: (100, 5e6)}, {4: 4, 8: 1}
"""Rows and multiplications for which the copy into blocks pays; times as many rows as the second factor has, if that is
to be turned round as well."""
FEW_COLUMNS, L1_BYTES = {4: 64, 8: 256}, 48 << 10
"""Where pieces pay without blocks: each of them reads the whole second factor, which has few columns or is in the
nearest cache."""


def times(B, rows):
    """The function (A, out=None) -> A [.. r k] @ B [.. k n], where both have the same leading axes, or B none, for A of
    so many rows in all. What B needs is done once."""
    parts = chunks(range(B.shape[-2]), LONGEST)
    factors = [in_pieces(B[..., part, :], rows) for part in parts]
    if None in factors:
        return lambda A, out=None: np.matmul(A, B, out=out)
    return partial(summed, list(zip(parts, factors)))


def summed(factors, A, out=None):
    """A [.. r k] times each factor, which takes a part of k."""
    (part, by_B), *others = factors
    out = by_B(A[..., part], out)
    for part, by_B in others:
        out += by_B(A[..., part])
    return out


def in_pieces(B, rows):
    """The product with B [.. k n] by pieces, None if they do not pay."""
    k, n = B.shape[-2:]
    columns = width(B, rows)
    height = piece(k, columns, B.itemsize)
    turned = B.strides[-1] > B.itemsize
    if height >= (rows if columns == n else LARGEST) or (turned and rows < WORTH_A_COPY[B.itemsize] * k):
        return None
    return partial(by_blocks, np.ascontiguousarray(in_columns(B, columns)), height)


def width(B, rows):
    """How many columns of B make a block, all if that copy does not pay."""
    k, n = B.shape[-2:]
    least_rows, least = WORTH_BLOCKS[B.itemsize]
    widths = WIDTHS[B.itemsize]
    if n <= widths[0] or k * n * B.itemsize <= L1_BYTES or rows < least_rows or rows * B.size < least:
        return n
    return next((columns for columns in widths if n % columns == 0), n)


def by_blocks(blocks, height, A, out=None):
    """A [.. r k] by blocks [.. q k c] of columns, so many rows at a time -> [.. r (q c)]"""
    *lead, r, k = A.shape
    *_, q, _, columns = blocks.shape
    out = np.empty((*lead, r, q * columns), A.dtype) if out is None else out
    cut = r - r % height
    pieces = A[..., :cut, :].reshape(*lead, cut // height, 1, height, k)
    whole = out[..., :cut, :].reshape(*lead, cut // height, height, q * columns)
    np.matmul(pieces, blocks[..., None, :, :, :], out=in_columns(whole, columns))
    np.matmul(A[..., None, cut:, :], blocks, out=in_columns(out[..., cut:, :], columns))
    return out


def in_columns(M, columns):
    """[.. r (q c)] -> [.. q r c]"""
    *lead, r, n = M.shape
    return M.reshape(*lead, r, n // columns, columns).swapaxes(-2, -3)


def matmul_over_rows(A, B, out=None):
    """A^T B summed over the rows of A [.. r k] and B [.. r n]."""
    r, k, n = *A.shape[-2:], B.shape[-1]
    rows = min(piece(k, n, A.itemsize), LONGEST) if sums_in_pieces(k, n, A.itemsize) else r
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
    if r < n:
        share(lambda part: times(B[:, span(part)], r)(A, out=Z[:, span(part)]), range(n))
    else:
        by_B = times(B, r)
        share(lambda part: by_B(A[span(part)], out=Z[span(part)]), range(r))
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


def piece(k, n, itemsize):
    """How many rows a piece has, a multiple of what is worked on together; as good as all if pieces do not pay."""
    rows, least = LARGEST // (k * n), 4 if n == WIDTHS[itemsize][0] else 8
    pays = n <= FEW_COLUMNS[itemsize] or k * n * itemsize <= L1_BYTES
    if rows < least or not (pays and threads.blas_has_one() and small_products_are_quick()):
        return LARGEST
    return rows - rows % 8 if rows >= 8 else 4


def sums_in_pieces(k, n, itemsize):
    """Whether pieces pay whose results, each k x n, have to be added up."""
    return WORTH_A_SUM <= piece(k, n, itemsize) < LARGEST


@cache
def small_products_are_quick():
    """Whether that code is run: OpenBLAS takes a processor that it does not know, or is told to, for an older one."""
    return not WITH_AVX_512.isdisjoint(threads.blas_cores())
