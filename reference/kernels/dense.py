"""The products of a wide dense layer, whose weights take longer to fetch and to copy than to multiply.

Z = W A        dW = dZ A^T        dA = W^T dZ
"""

from reference.kernels.products import shared_matmul
from reference.kernels.sums_of_products import shared_matmul_over_rows

WORTH_PIECES = 10**6
"""Weights for which it pays, from measurements."""


def is_wide(W, A):
    """Whether there are so many weights, and not a single example, which needs no copies."""
    return W.size >= WORTH_PIECES and A.shape[1] > 1


def dense(W, A):
    """Z [n m] of W [n n_prev] and A [n_prev m], and the pullback: back(dZ) -> dW, dA."""

    def back(dZ):
        return shared_matmul(dZ, A.T), shared_matmul_over_rows(W, dZ)

    return shared_matmul(W, A), back
