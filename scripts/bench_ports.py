"""What the ports cost: a training step of torch_impl beside the same net of torch.nn, of jax_impl beside pure JAX.

    scripts/bench ports [PATTERN ...] [--rounds N] [--compile] [--strict]

Both sides run by turns in one process on one thread, and CPU time is what counts: a ratio is the median over rounds,
with its quartiles. Beside it: the largest difference between the two sides' gradients of the first step, over the
largest gradient. torch_impl is measured eager, and with --compile also by torch.compile against itself; jax_impl under
jax.jit, of which a second step must compile nothing. With --strict a missed target makes the exit code 1.
"""

import argparse
import statistics
import sys
import time

from rich.console import Console
from rich.progress import track
from rich.table import Table

from crosscheck.settings import one_thread

TARGETS = {"torch": 1.02, "jax": 1.05}


def main():
    options = arguments()
    one_thread()
    from port_rows import CONTESTS, ROWS  # after one_thread: it imports the frameworks

    rows = [row for row in ROWS if not options.patterns or any(pattern in row.name for pattern in options.patterns)]
    if not rows:
        sys.exit(f"no row matches {' '.join(options.patterns)}; expected part of {', '.join(row.name for row in ROWS)}")
    console = Console(width=None if sys.stdout.isatty() else 150)
    table = Table("", "net", "ours", "beside it", "ratio", "quartiles", "target", "", "error", "", box=None)
    jobs = [(kind, row) for kind in CONTESTS for row in rows if kind != "compiled" or options.compile]
    missed = False
    for kind, row in track(jobs, "measuring", console=console, transient=True):
        contest = CONTESTS[kind](row)
        found = measure(contest, options.rounds)
        target = TARGETS.get(kind)
        is_missed = target is not None and found["ratio"] > target
        missed |= is_missed or "again" in contest.remark
        table.add_row(*cells(kind, row, contest, found, target, is_missed))
    console.print(table)
    return 1 if missed and options.strict else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="only rows whose name contains one")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--compile", action="store_true", help="also torch.compile against eager, which takes minutes")
    parser.add_argument("--strict", action="store_true")
    return parser.parse_args()


def measure(contest, rounds):
    times = {"ours": [], "plain": []}
    repeats = max(1, round(0.05 / seconds(contest.plain, 1)))
    seconds(contest.ours, 1)
    for i in range(rounds):
        for name in ("ours", "plain") if i % 2 else ("plain", "ours"):
            times[name].append(seconds(getattr(contest, name), repeats))
    low, middle, high = statistics.quantiles([a / b for a, b in zip(times["ours"], times["plain"])], n=4)
    return {name: statistics.median(each) for name, each in times.items()} | {"ratio": middle, "range": (low, high)}


def seconds(function, repeats):
    start = time.process_time()
    for _ in range(repeats):
        function()
    return (time.process_time() - start) / repeats


def cells(kind, row, contest, found, target, is_missed):
    verdict = "" if target is None else "[red]missed[/]" if is_missed else "[green]met[/]"
    return (
        *(kind, row.name, f"{1e3 * found['ours']:.2f} ms", f"{1e3 * found['plain']:.2f} ms"),
        *(f"{found['ratio']:.3f}", "{:.3f}-{:.3f}".format(*found["range"])),
        *("" if target is None else f"{target:.2f}", verdict, f"{contest.error:.0e}", contest.remark),
    )


if __name__ == "__main__":
    sys.exit(main())
