"""How fast the reference's kernels are: the time of ours over that of torch, in the faster of its two memory layouts.

    scripts/bench reference [PATTERN ...] [--dtypes float32 float64] [--rounds N] [--workers N] [--strict]

Everything runs by turns in one process on one thread, in memory that it keeps, and CPU time is what counts, so that
other programs disturb it little: a ratio is the median over rounds, with its quartiles. In a round both sides run
equally often, what is quick several times in a row, for the first of these finds the other's numbers in the caches.
Beside the ratio: our error and torch's, the largest difference to torch in float64 over the largest value; the rate,
for convolutions also as a share of what a large matrix product reaches in the same rounds; and the most memory that our
call holds at once over that of its results.
With --workers, the speed-up of our kernels by that many workers, in wall time: it means something only on an idle
machine. With --strict, a missed target makes the exit code 1.
"""

import argparse
import ctypes
import math
import os
import statistics
import sys
import time
import tracemalloc

import numpy as np
import torch
from network_rows import NETWORKS
from reference_rows import MEANS, ROWS
from rich.console import Console
from rich.progress import track
from rich.table import Table

from reference.kernels.threads import blas_cores, threads

DTYPES = ("float32", "float64")
LEAST_SECONDS = 0.02
MET, MISSED = "[green]met[/]", "[red]missed[/]"
COLUMNS = (
    "",
    "shape",
    "dtype",
    "ours",
    "torch",
    "ratio",
    "quartiles",
    "target",
    "",
    "error",
    "torch's",
    "rate",
    "peak",
)


def main():
    options = arguments()
    known = [*ROWS, *NETWORKS]
    rows = [r for r in known if not options.patterns or any(p in f"{r.group} {r.name}" for p in options.patterns)]
    if not rows:
        sys.exit(
            f"no row matches {' '.join(options.patterns)}; the groups are {', '.join({r.group: 0 for r in known})}"
        )
    console = Console(width=None if sys.stdout.isatty() else 170)
    torch.set_num_threads(1)
    keep_memory()
    with threads(1):
        print_machine(options.dtypes, console)
        missed = compare(rows, options, console)
    if options.workers > 1:
        print_speed_up(rows, options, console)
    return 1 if missed and options.strict else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="only rows whose group and name contain one")
    parser.add_argument("--dtypes", nargs="+", choices=DTYPES, default=DTYPES)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--strict", action="store_true")
    return parser.parse_args()


def keep_memory():
    """What is freed stays with the process, where the C library is glibc: how long the system takes to hand out memory
    anew depends on how fragmented it is, and would be a large part of the time of large arrays."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        trim_threshold, mmap_max = -1, -4
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(mmap_max, 0)


def print_machine(dtypes, console):
    rates = ", ".join(f"matrix product {dtype} {matrix_rate(dtype):.0f} GF/s" for dtype in dtypes)
    told = f"BLAS for {', '.join(sorted(set(blas_cores()))) or 'an unknown processor'}; load {os.getloadavg()[0]:.1f}"
    console.print(f"one thread: {rates}, copy {copy_rate():.0f} GB/s; {told}", highlight=False)


def matrix_rate(dtype, n=1024):
    A = np.ones((n, n), dtype)
    return 2e-9 * n**3 / min(seconds(lambda: A @ A) for _ in range(5))


def copy_rate(values=1 << 24):
    A, B = np.ones(values, np.float32), np.empty(values, np.float32)
    return 2e-9 * A.nbytes / min(seconds(lambda: np.copyto(B, A)) for _ in range(5))


def seconds(function, repeats=1, clock=time.process_time):
    start = clock()
    for _ in range(repeats):
        function()
    return (clock() - start) / repeats


def compare(rows, options, console):
    """Prints the table; the number of missed targets."""
    table = Table(*COLUMNS, box=None, pad_edge=False)
    judged, ratios = [], {}
    jobs = [(row, dtype) for row in rows for dtype in options.dtypes]
    for row, dtype in track(jobs, "measuring", console=console, transient=True):
        contest = row.make(dtype)
        found = measure(contest, dtype, options.rounds)
        ratios.setdefault((row.group, dtype), []).append(found["ratio"])
        target = row.targets[DTYPES.index(dtype)]
        judged.append(verdict(found["ratio"], target))
        table.add_row(*cells(row, dtype, contest, found, target))
    for (group, dtype), each in ratios.items():
        if group in MEANS and len(each) == sum(row.group == group for row in ROWS):
            ratio, target = statistics.geometric_mean(each), MEANS[group][DTYPES.index(dtype)]
            judged.append(verdict(ratio, target))
            table.add_row(group, "geometric mean", dtype, "", "", f"{ratio:.2f}", "", f"{target:.2f}", judged[-1])
    console.print(table)
    return sum(word == MISSED for word in judged)


def verdict(ratio, target):
    return "" if target is None else MET if ratio <= target else MISSED


def cells(row, dtype, contest, found, target):
    rate = contest.work / found["ours"] * 1e-9
    if contest.unit == "GF/s":
        rate = f"{rate:.0f} GF/s, {100 * found['share']:.0f} %"
    else:
        rate = f"{1 / rate:.2f} {contest.unit}"
    return (
        *(row.group, row.name, dtype),
        *(f"{1e3 * found[who]:.2f} ms" for who in ("ours", "torch")),
        f"{found['ratio']:.2f}",
        "{:.2f}-{:.2f}".format(*found["quartiles"]),
        "" if target is None else f"{target:.2f}",
        verdict(found["ratio"], target),
        *(f"{found[error]:.0e}" for error in ("error", "torch's error")),
        rate,
        f"{found['peak']:.1f}x",
    )


def measure(contest, dtype, rounds):
    """Times (the medians) and their ratio, the share of the peak, errors, memory."""
    runs = {"ours": contest.ours, **contest.torch}
    results, peak = peak_memory(contest.ours)
    errors = {name: error(contest.read(run()), contest.truth) for name, run in contest.torch.items()}
    quickest = min(seconds(run) for run in runs.values())
    repeats = max(1, int(LEAST_SECONDS / max(quickest, 1e-9)))
    times, peaks = {name: [] for name in runs}, []
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(seconds(run, repeats))
        peaks.append(matrix_rate(dtype) if contest.unit == "GF/s" else math.inf)
    medians = {name: statistics.median(each) for name, each in times.items()}
    best = min(contest.torch, key=medians.get)
    ratios = [ours / theirs for ours, theirs in zip(times["ours"], times[best])]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return {
        "ours": medians["ours"],
        "torch": medians[best],
        "ratio": middle,
        "quartiles": (low, high),
        "share": statistics.median(contest.work / t * 1e-9 / rate for t, rate in zip(times["ours"], peaks)),
        "error": error(results, contest.truth),
        "torch's error": errors[best],
        "peak": peak,
    }


def error(results, truth):
    """The largest of the relative errors of some arrays, each over the array's largest value."""
    return max(float(np.abs(got - true).max() / np.abs(true).max()) for got, true in zip(results, truth, strict=True))


def peak_memory(run):
    """What a call returns, and the most memory it held at once over the memory of that."""
    tracemalloc.start()
    results = run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return results, peak / sum(array.nbytes for array in results)


def print_speed_up(rows, options, console):
    """One worker against several, by turns: the quickest of the rounds."""
    busy = os.getloadavg()[0] > 0.3
    console.print(f"{options.workers} workers" + (", on a busy machine: no more than a hint" if busy else ""))
    for row in rows:
        for dtype in options.dtypes:
            run, times = row.make(dtype).ours, {1: [], options.workers: []}
            for _ in range(options.rounds):
                for workers, each in times.items():
                    with threads(workers):
                        run()
                        each.append(seconds(run, clock=time.perf_counter))
            ratio = min(times[1]) / min(times[options.workers])
            console.print(f"{row.group}  {row.name}  {dtype}  {ratio:.2f} times as fast", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
