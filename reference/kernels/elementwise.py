"""What is done to each element alone, by chunks that stay in cache and that workers share."""

import numpy as np

from reference.kernels.threads import WORTH_SHARING, chunks, share

CHUNK_VALUES = 1 << 16


def filled(shape, dtype, fill):
    """An array that `fill(chunk, out)` fills chunk by chunk."""
    A = np.empty(shape, dtype)
    A_flat = A.reshape(-1)

    def work(part):
        for chunk in chunks(part, CHUNK_VALUES):
            fill(chunk, A_flat[chunk])

    share(work, range(A.size), WORTH_SHARING)
    return A


def add(A, B):
    """A + B, which have one shape."""
    A_flat, B_flat = A.reshape(-1), B.reshape(-1)
    return filled(A.shape, A.dtype, lambda chunk, out: np.add(A_flat[chunk], B_flat[chunk], out=out))
