"""Two or more workers over the chunks of a kernel, each with a BLAS of one thread; off unless asked for.

    with threads(2):
        Z, back = conv2d(X, W, stride, padding, dilation, groups)

NumPy lets go of the interpreter while it copies, adds and multiplies matrices, so that the copies run in parallel too,
which a BLAS with threads of its own leaves to one core. Sums over chunks are made per worker and then in the workers'
order: the result depends on n, not on who was first. The caller is one of the workers, for to wake another takes time.
Needs `threadpoolctl` to hold the BLAS; without it, `threads` changes nothing.
"""

import os
from contextlib import contextmanager
from itertools import pairwise
from queue import SimpleQueue
from threading import Thread

import numpy as np

from reference.kernels.blocks import evenly

BUFFER_SIZE = 1024
WORTH_SHARING = 1 << 17
"""Numbers: where each is read once, that a worker has fewer does not pay."""

_helpers = []
"""Of each worker but the caller the queue of its jobs: (work, part, queue for the outcome)."""
_blas_has_one = "1" in (os.environ.get("OPENBLAS_NUM_THREADS"), os.environ.get("OMP_NUM_THREADS"))


@contextmanager
def threads(n):
    global _helpers, _blas_has_one
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield
        return
    before = _helpers, _blas_has_one
    with threadpool_limits(1, user_api="blas"):
        _helpers, _blas_has_one = [helper() for _ in range(n - 1)], True
        try:
            with short_buffer():
                yield
        finally:
            for jobs in _helpers:
                jobs.put(None)
            _helpers, _blas_has_one = before


def helper():
    jobs = SimpleQueue()
    Thread(target=serve, args=(jobs,), daemon=True).start()
    return jobs


def serve(jobs):
    np.setbufsize(BUFFER_SIZE)
    for work, part, outcome in iter(jobs.get, None):
        outcome.put(attempt(work, part))


def attempt(work, part):
    """(result, None), or (None, what was raised)."""
    try:
        return work(part), None
    except BaseException as error:
        return None, error


def blas_has_one():
    """Whether the BLAS is known to be held to one thread, here or by the environment."""
    return _blas_has_one


def blas_cores():
    """The processors for which each BLAS has its code; nothing where that cannot be told."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return []
    return [library["architecture"] for library in threadpool_info() if "architecture" in library]


def even(size, positions):
    """A size of chunks of which there is one for every worker at least."""
    return min(size, -(-positions // (len(_helpers) + 1)))


def share(work, items, least=1):
    """[work(part)] over consecutive parts of `items` (a list or a range), one a worker, of `least` items or more."""
    count = min(len(_helpers) + 1, len(items) // least)
    if count < 2:
        return [unbuffered(work, items)]
    cuts = [i * len(items) // count for i in range(count + 1)]
    own, *others = (items[a:b] for a, b in pairwise(cuts))
    return unbuffered(shared, work, own, others)


def shared(work, own, others):
    """The helpers have their parts before the caller begins with its own, and wake while that runs."""
    outcomes = [SimpleQueue() for _ in others]
    for jobs, part, outcome in zip(_helpers, others, outcomes):
        jobs.put((work, part, outcome))
    done = [attempt(work, own), *(outcome.get() for outcome in outcomes)]
    for _, error in done:
        if error is not None:
            raise error
    return [result for result, _ in done]


def span(part):
    """A range as a slice."""
    return slice(part.start, part.stop)


def chunks(part, size):
    """Slices that cover a range, alike, of `size` at most."""
    step = evenly(max(1, len(part)), size)
    return [slice(i, min(i + step, part.stop)) for i in range(part.start, part.stop, step)]


def unbuffered(work, *arguments):
    if np.getbufsize() == BUFFER_SIZE:
        return work(*arguments)
    with short_buffer():
        return work(*arguments)


@contextmanager
def short_buffer():
    """NumPy copies operands whose rows are shorter than its buffer into that buffer, which costs more than the sum."""
    before = np.setbufsize(BUFFER_SIZE)
    try:
        yield
    finally:
        np.setbufsize(before)


def total(arrays):
    """The sum of arrays that nobody else holds, made in the memory of the first."""
    arrays = iter(arrays)
    result = next(arrays)
    for array in arrays:
        result += array
    return result
