"""relu: A = max(0, Z), dZ = dA [A > 0], by chunks, so that the mask of one is still in cache when it multiplies.

The maximum is taken with an array of zeros, for with a single zero NumPy has only a slow loop.
"""

from functools import cache

import numpy as np

from reference.kernels import elementwise
from reference.kernels.elementwise import filled


def relu(Z):
    def larger(chunk, out):
        np.maximum(Z_flat[chunk], zeros(elementwise.CHUNK_VALUES, Z.dtype)[: len(out)], out=out)

    def back(dA):
        dA_flat = dA.reshape(-1)

        def passed(chunk, out):
            np.multiply(dA_flat[chunk], A_flat[chunk] > 0, out=out)

        return filled(dA.shape, dA.dtype, passed)

    Z_flat = Z.reshape(-1)
    A = filled(Z.shape, Z.dtype, larger)
    A_flat = A.reshape(-1)
    return A, back


@cache
def zeros(count, dtype):
    """As many as a chunk has, which nobody may change."""
    chunk = np.zeros(count, dtype)
    chunk.flags.writeable = False
    return chunk
