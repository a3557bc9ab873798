"""What vectorization saves: the notes' logistic regression with explicit loops, beside the same in matrix products."""

import statistics
import sys
import time

import numpy as np

from reference.nets.logistic_regression import propagate, propagate_loop

SIZES = ((10, 100), (30, 456), (100, 1000))
ROUNDS = 7


def seconds(function, arguments, least=0.02):
    """The time of one call, from as many as take a while."""
    calls, start = 0, time.perf_counter()
    while calls == 0 or time.perf_counter() - start < least:
        result = function(*arguments)
        calls += 1
    return (time.perf_counter() - start) / calls, result


def main():
    print(f"{'features':>8}  {'examples':>8}  {'loops':>11}  {'vectorized':>11}  {'speed-up':>9}  largest difference")
    agree = True
    for n_x, m in SIZES:
        rng = np.random.default_rng(n_x)
        X, Y = rng.standard_normal((n_x, m)), (rng.random((1, m)) < 0.5).astype(float)
        arguments = rng.standard_normal((n_x, 1)) / n_x**0.5, 0.5, X, Y
        rounds = [(seconds(propagate_loop, arguments), seconds(propagate, arguments)) for _ in range(ROUNDS)]
        loop, vectorized = (statistics.median(found[i][0] for found in rounds) for i in (0, 1))
        (_, slow), (_, fast) = rounds[0]
        difference = max(float(np.max(np.abs(a - b) / np.max(np.abs(b)))) for a, b in zip(slow, fast))
        agree &= difference < 1e-12
        times = f"{loop * 1e3:8.2f} ms  {vectorized * 1e3:8.3f} ms  {loop / vectorized:8.0f}x"
        print(f"{n_x:8}  {m:8}  {times}  {difference:.0e} relative")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
