"""relu: A = max(0, Z), dZ = dA [A > 0], by chunks, so that the mask of one is still in cache when it multiplies.

The maximum is taken with an array of zeros, for with a single zero NumPy has only a slow loop.
"""

import numpy as np

from reference.kernels.threads import WORTH_SHARING, chunks, share

CHUNK_VALUES = 1 << 17


def relu(Z):
    zeros = np.zeros(CHUNK_VALUES, Z.dtype)

    def larger(chunk, out):
        np.maximum(Z_flat[chunk], zeros[: len(out)], out=out)

    def back(dA):
        dA_flat = dA.reshape(-1)

        def passed(chunk, out):
            np.multiply(dA_flat[chunk], A_flat[chunk] > 0, out=out)

        return filled(dA.shape, dA.dtype, passed)

    Z_flat = Z.reshape(-1)
    A = filled(Z.shape, Z.dtype, larger)
    A_flat = A.reshape(-1)
    return A, back


def filled(shape, dtype, fill):
    """An array that `fill(chunk, out)` fills chunk by chunk."""
    A = np.empty(shape, dtype)
    A_flat = A.reshape(-1)

    def work(part):
        for chunk in chunks(part, CHUNK_VALUES):
            fill(chunk, A_flat[chunk])

    share(work, range(A.size), WORTH_SHARING)
    return A
