"""How large the pieces are of a matrix product that the BLAS multiplies as they lie.

A BLAS copies its operands into an order of its own before it multiplies. OpenBLAS has, for processors with AVX-512,
code without it for products of at most 10^6 multiplications, and where the rows of the second factor are short and lie
side by side nothing is quicker. So there a long product is cut into pieces of rows (products.py, sums_of_products.py).
That code runs on one thread, and is not used unless the BLAS does too. All figures are from measurements, those in
dicts for numbers of 4 and 8 bytes.
"""

from functools import cache

from reference.kernels import threads

WITH_AVX_512 = {"SkylakeX", "Cooperlake", "SapphireRapids"}
LARGEST = 10**6
"""Multiplications in a piece."""
LONGEST = 1200
"""Terms that a piece adds up one after the other: of more, the sum is more than twice as far off as that of a BLAS that
adds up parts of some hundred."""
FEW_COLUMNS, L1_BYTES = {4: 64, 8: 128}, 48 << 10
"""Where pieces pay: each of them reads the whole second factor, which is in the nearest cache, or has so few columns
that the BLAS would use its copy of the first one too seldom."""
WIDTHS = {4: (64, 48), 8: (32, 24, 16)}
"""Columns of a block, if it is cut into blocks that leave none over. With the widest, few rows pay too."""


def piece(k, n, itemsize):
    """How many rows a piece has, a multiple of what is worked on together; as good as all if pieces do not pay."""
    rows, least = LARGEST // (k * n), 4 if n == WIDTHS[itemsize][0] else 8
    pays = has_few_columns(n, itemsize) or is_near(k, n, itemsize)
    if rows < least or not (pays and threads.blas_has_one() and small_products_are_quick()):
        return LARGEST
    return rows - rows % 8 if rows >= 8 else 4


def has_few_columns(n, itemsize):
    return n <= FEW_COLUMNS[itemsize]


def is_near(k, n, itemsize):
    return k * n * itemsize <= L1_BYTES


@cache
def small_products_are_quick():
    """Whether that code is run: OpenBLAS takes a processor that it does not know, or is told to, for an older one."""
    return not WITH_AVX_512.isdisjoint(threads.blas_cores())
