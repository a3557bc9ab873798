"""Two or more workers over the chunks of a kernel, each with a BLAS of one thread; off unless asked for.

    with threads(2):
        Z, back = conv2d(X, W, stride, padding, dilation, groups)

NumPy lets go of the interpreter while it copies, adds and multiplies matrices, so that the copies run in parallel too,
which a BLAS with threads of its own leaves to one core. Sums over chunks are made per worker and then in the workers'
order: the result depends on n, not on who was first. Needs `threadpoolctl` to hold the BLAS; without it, `threads`
changes nothing.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise, repeat

import numpy as np

BUFFER_SIZE = 1024

_pool, _count = None, 1
_blas_has_one = "1" in (os.environ.get("OPENBLAS_NUM_THREADS"), os.environ.get("OMP_NUM_THREADS"))


@contextmanager
def threads(n):
    global _pool, _count, _blas_has_one
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield
        return
    before = _pool, _count, _blas_has_one
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(n) as pool:
        _pool, _count, _blas_has_one = pool, n, True
        try:
            yield
        finally:
            _pool, _count, _blas_has_one = before


def blas_has_one():
    """Whether the BLAS is known to be held to one thread, here or by the environment."""
    return _blas_has_one


def share(work, items):
    """[work(part)] over consecutive parts of `items` (a list or a range), one part a worker."""
    count = min(_count, len(items))
    if count < 2:
        return [unbuffered(work, items)]
    cuts = [i * len(items) // count for i in range(count + 1)]
    return list(_pool.map(unbuffered, repeat(work), [items[a:b] for a, b in pairwise(cuts)]))


def unbuffered(work, part):
    """NumPy copies operands whose rows are shorter than its buffer into that buffer, which costs more than the sum."""
    before = np.setbufsize(BUFFER_SIZE)
    try:
        return work(part)
    finally:
        np.setbufsize(before)


def total(arrays):
    """The sum of arrays that nobody else holds, made in the memory of the first."""
    arrays = iter(arrays)
    result = next(arrays)
    for array in arrays:
        result += array
    return result
