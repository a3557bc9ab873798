"""How often a sound column is accused: every case over fresh seeds, each tensor of each column a check.

    python -m crosscheck.alarms [--seeds N] [--dtypes float64,float32,bfloat16] [PATTERN ...]

Prints the number of checks, of false alarms, and the 95 % upper bound of the rate (3/n if there are none), by dtype and
for the modes in float64, and how the distances are spread: their median is about 1 if the noise is what the arithmetic
does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.stats import beta

from crosscheck.agreement import Verdict, compare
from crosscheck.case import Case, select
from crosscheck.rungs import modes
from crosscheck.rungs.precision import KINDS
from crosscheck.session import Session, split_columns

FIRST_SEED = 1000
"""Seeds from here on are used by nothing else."""

MODES = "modes"
"""Counts what the rung of that name compares: eager, jitted and compiled, none observed."""


@dataclass
class Count:
    """Checks of one kind: how many, the accused ones in words, and every distance in noise units."""

    checks: int = 0
    accused: list[str] = field(default_factory=list)
    units: list[float] = field(default_factory=list)

    def add(self, case: Case, seed: int, verdict: Verdict) -> None:
        others = [units for column, units in verdict.units.items() if column != "numpy"]
        self.checks += len(others)
        self.units += others
        if not verdict.agrees and not verdict.is_vacuous:
            self.accused.append(f"{case.name} seed {seed}: {verdict.key} {verdict.problem} ({verdict.off})")

    @property
    def bound(self) -> float:
        """The 95 % upper confidence bound of the rate (Clopper-Pearson)."""
        return float(beta.ppf(0.95, len(self.accused) + 1, self.checks - len(self.accused))) if self.checks else 1.0


def verdicts(
    case: Case, columns: Sequence[str], dtype: str, seeds: Sequence[int]
) -> Iterator[tuple[str, int, Verdict]]:
    """Those on every seed, each with what it counts as; what was built and compiled for the first serves the others."""
    built = Session(case, columns, (dtype,), seed=seeds[0], dtype=dtype).subjects
    for seed in seeds:
        session = Session(case, columns, (dtype,), seed=seed, dtype=dtype, subjects=built)
        for train in session.passes():
            observations, _ = session.observe_able(train)
            if len(observations) < 2:
                continue
            found = compare(observations, session.reference_pass(train), KINDS, case.vacuous)
            yield from ((dtype, seed, verdict) for verdict in found)
            if dtype == "float64":
                yield from ((MODES, seed, verdict) for verdict in modes.compare_modes(session, train))


def main(
    patterns: Annotated[list[str] | None, typer.Argument()] = None,
    seeds: int = 4,
    dtypes: str = "float64,float32,bfloat16",
) -> None:
    columns, absent = split_columns(("numpy", "torch", "jax"))
    console = Console()
    for column, reason in absent.items():
        console.print(f"{column} not run: {reason}")
    wanted = dtypes.split(",")
    counts = {kind: Count() for kind in (*wanted, *([MODES] if "float64" in wanted else []))}
    fresh = range(FIRST_SEED, FIRST_SEED + seeds)
    done: list[Case] = []
    cases = select(patterns or [])
    with suppress(KeyboardInterrupt):  # which keeps what was counted
        for case in track(cases, "checking sound columns", console=console):
            for dtype in wanted:
                for kind, seed, verdict in verdicts(case, columns, dtype, fresh):
                    counts[kind].add(case, seed, verdict)
            done.append(case)
    console.print(f"{len(done)} of {len(cases)} cases, {seeds} seeds")
    console.print(table(counts))
    accused = [text for count in counts.values() for text in count.accused]
    for text in accused:
        console.print(text)
    raise typer.Exit(1 if accused else 0)


def table(counts: dict[str, Count]) -> Table:
    shown = Table("", "checks", "false alarms", "rate below (95 %)", "median", "99.9 %", "largest")
    for kind, count in counts.items():
        spread = np.array([units for units in count.units if units > 0] or [0.0])
        shown.add_row(
            kind,
            f"{count.checks:,}",
            str(len(count.accused)),
            f"{count.bound:.1e}",
            *(f"{value:.2f}" for value in (np.median(spread), np.quantile(spread, 0.999), spread.max())),
        )
    return shown


if __name__ == "__main__":
    typer.run(main)
