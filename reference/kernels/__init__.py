"""Fast routines for plain float arrays: the results of the definitions in `reference.layers`, sooner.

A layer asks `kernels.suit(X, W)` and calls the kernel if so, its own definition if not. Every other kind of number
takes the definition, and so does everything inside `definition_only()` or while `kernels.enabled` is False.
Tests hold each kernel to the definition; the definition is the truth.
"""

from contextlib import contextmanager

import numpy as np

enabled = True


def suit(*arrays):
    """Whether kernels may take these: switched on, and all of them plain float32 or all plain float64 arrays."""
    kinds = {(type(array), getattr(array, "dtype", None)) for array in arrays}
    return enabled and kinds in ({(np.ndarray, np.dtype("float32"))}, {(np.ndarray, np.dtype("float64"))})


def held(Y, back):
    """What a kernel gives, with a pullback that takes nothing but a gradient by that output: of its shape, and made of
    its dtype. Raises ValueError for another shape, TypeError for numbers that are not real."""
    shape, dtype = Y.shape, Y.dtype

    def of_output(dY, *options, **more):
        if dY.shape != shape:
            raise ValueError(f"the gradient by an output has shape {dY.shape}; expected the output's, {shape}")
        if dY.dtype.kind not in "fiub":
            raise TypeError(f"the gradient by an output is {dY.dtype}; expected real numbers, as the output's {dtype}")
        return back(dY.astype(dtype, copy=False), *options, **more)

    return Y, of_output


@contextmanager
def definition_only():
    """Turns every kernel off for a while."""
    global enabled
    before, enabled = enabled, False
    try:
        yield
    finally:
        enabled = before
