"""How much of the suite is certified, and whether all of that is bit-identical: the exact rung over many seeds.

    python -m crosscheck.exactness [--seeds N] [--dtypes float64,float32] [--compiled] [PATTERN ...]

A tensor is counted once for each seed, data set and pass. JAX is jitted and PyTorch eager, or with `--compiled` under
torch.compile, in the cases that ask for it and without a look inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from crosscheck.agreement import Verdict
from crosscheck.backends.base import subject
from crosscheck.case import Case, select
from crosscheck.exact_feed import DATA_SETS
from crosscheck.rungs.exact import compare_exactly
from crosscheck.session import Session, split_columns


@dataclass
class Count:
    """Tensors in one dtype: how many there are, are certified, identical and so up to rounding; those that differ, in
    words; the cases in which something is certified."""

    figures: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("tensors", "certified", "identical", "up_to_rounding"), 0)
    )
    differing: list[str] = field(default_factory=list)
    cases: set[str] = field(default_factory=set)

    def add(self, case: Case, columns: Sequence[str], dtype: str, seeds: Sequence[int], compiled: bool = False) -> None:
        before = self.figures["certified"]
        for seed, verdict in verdicts(case, columns, dtype, seeds, self.figures, compiled):
            if not verdict.agrees:
                self.differing.append(f"{case.name} {dtype} seed {seed}: {verdict.key} ({verdict.off})")
        if self.figures["certified"] > before:
            self.cases.add(case.name)


def verdicts(
    case: Case, columns: Sequence[str], dtype: str, seeds: Sequence[int], figures: dict[str, int], compiled: bool
) -> Iterator[tuple[int, Verdict]]:
    """Those on every certified tensor; what was built and compiled for the first seed serves the others."""
    built = {("torch", "eager"): subject("torch", case, dtype, "compile")} if compiled else {}
    for seed in seeds:
        session = Session(case, columns, (dtype,), seed=seed, dtype=dtype, subjects=built)
        for data_set, train in product(DATA_SETS, session.passes()):
            found, _ = compare_exactly(session, data_set, train, figures)
            yield from ((seed, verdict) for verdict in found)


def main(
    patterns: Annotated[list[str] | None, typer.Argument()] = None,
    seeds: int = 30,
    dtypes: str = "float64,float32",
    compiled: bool = False,
) -> None:
    columns, absent = split_columns(("numpy", "torch", "jax"))
    console = Console()
    for column, reason in absent.items():
        console.print(f"{column} not run: {reason}")
    counts = {dtype: Count() for dtype in dtypes.split(",")}
    cases = [case for case in select(patterns or []) if case.compiled or not compiled]
    for case in track(cases, "comparing exactly", console=console):
        for dtype, count in counts.items():
            count.add(case, columns, dtype, range(seeds), compiled)
    console.print(table(counts, len(cases)))
    for text in (text for count in counts.values() for text in count.differing):
        console.print(text)
    raise typer.Exit(0 if all(c.figures["certified"] and not c.differing for c in counts.values()) else 1)


def table(counts: dict[str, Count], cases: int) -> Table:
    shown = Table("dtype", "cases", "tensors", "certified", "bit-identical", "up to rounding", "differing")
    for dtype, count in counts.items():
        tensors, certified, *compared = count.figures.values()
        share = f"{certified:,} = {certified / max(tensors, 1):.1%}"
        numbers = (f"{number:,}" for number in (*compared, len(count.differing)))
        shown.add_row(dtype, f"{len(count.cases)} of {cases}", f"{tensors:,}", share, *numbers)
    return shown


if __name__ == "__main__":
    typer.run(main)
