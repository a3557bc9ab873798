"""What scripts/fullsize runs. Exit codes: 0 agree, 1 diverge, 2 misuse or nothing to compare."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from crosscheck.cli import stdout
from crosscheck.fullsize.check import Result, check
from crosscheck.fullsize.nets import NETS, SLOW
from crosscheck.fullsize.passes import peak_memory
from crosscheck.ladder import require_known
from crosscheck.session import NUMPY_DTYPES, split_columns
from crosscheck.settings import one_thread

RUNS = 4
COLUMNS = ("numpy", "torch", "jax")
MISUSE = 2


def main(words: Sequence[str] | None = None) -> int:
    one_thread()
    options = arguments(words)
    columns, absent = split_columns(COLUMNS)
    console = stdout()
    for reason in absent.values():
        console.print(f"· not run: {reason}", highlight=False)
    if len(columns) < 2:
        return MISUSE
    nets = options.nets or [*NETS, *(SLOW if options.slow else ())]
    passes = 1 + len(columns) + options.runs
    steps = len(nets) * len(options.dtypes) * (passes + 1)
    start, results = time.perf_counter(), {}
    with progress(steps) as on_step:
        for net in nets:
            for dtype in options.dtypes:
                label = f"{net} {dtype}"
                say = lambda step, label=label: on_step(f"{label}: {step}")  # noqa: E731
                results[label] = check((NETS | SLOW)[net], columns, dtype, options.runs, options.seed, say)
    console.print(table(results, columns))
    console.print(summary(results, time.perf_counter() - start), highlight=False)
    return 0 if all(result.agrees for result in results.values()) else 1


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/fullsize", description=sys.modules["crosscheck.fullsize"].__doc__)
    parser.add_argument("nets", nargs="*", metavar="NET", help=f"{', '.join(NETS)} (the default), {', '.join(SLOW)}")
    parser.add_argument("--dtypes", nargs="+", default=list(NUMPY_DTYPES), metavar="DTYPE")
    parser.add_argument("--runs", type=int, default=RUNS, help="noisy runs that the bound is made of (%(default)s)")
    parser.add_argument("--slow", action="store_true", help=f"also {', '.join(SLOW)}")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(words)
    try:
        require_known("network", options.nets, NETS | SLOW)
        require_known("dtype", options.dtypes, NUMPY_DTYPES)
    except LookupError as error:
        parser.error(error.args[0])
    if options.runs < 2:
        parser.error(f"--runs is {options.runs}; expected at least 2, to be judged by each other")
    return options


@contextmanager
def progress(steps: int) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal, a line a step anywhere else; told what is about to begin."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda step: console.print(step, highlight=False, soft_wrap=True)
        return
    columns = (SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=console, transient=True) as bar:
        task = bar.add_task("", total=steps, completed=-1)
        yield lambda step: bar.update(task, advance=1, description=step)


def table(results: Mapping[str, Result], columns: Sequence[str]) -> Table:
    """Two rows a network and dtype: how far the columns are from the reference, forward and backward."""
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("", "direction", *columns, "relative L2", "worst tensor", "tensors", ""):
        shown.add_column(name, no_wrap=True)
    for label, result in results.items():
        for direction in ("forward", "backward"):
            units = [f"{result.units(column, direction):.2g}" for column in columns]
            worst = result.worst(direction)
            numbers = (f"{worst.relative:.1e}", str(worst.key), str(len(result.verdicts)))
            shown.add_row(label, direction, *units, *numbers, "✓ agrees" if worst.agrees else "✗ diverges")
    return shown


def summary(results: Mapping[str, Result], seconds: float) -> str:
    lines = ["units: 1 is what the arithmetic itself does, above 8 diverges; relative L2 is the worst tensor's", ""]
    for label, result in results.items():
        if result.tailed:
            lines.append(f"{label}: {result.tailed} tensors are judged by the tail of the noise: relus that flip")
        if result.divergence:
            lines.append(f"✗ {label}: first divergence {result.divergence}")
        took = {name: taken for name, taken in result.passes.items() if not name.startswith("noise")}
        noise = [taken for name, taken in result.passes.items() if name.startswith("noise")]
        each = [f"{name} {one.seconds:.0f} s {one.peak / 2**30:.1f} GiB" for name, one in took.items()]
        each.append(f"noise {len(noise)} x {noise[0].seconds:.0f} s {max(one.peak for one in noise) / 2**30:.1f} GiB")
        lines.append(f"{label}: {', '.join(each)}")
    peak = max([peak_memory(), *(one.peak for result in results.values() for one in result.passes.values())])
    lines.append(f"{seconds:.0f} s, peak memory of a process {peak / 2**30:.1f} GiB")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
