"""The report in a terminal: a line a case, a cell a rung, and below what diverged, where, and how to see it again.

Every status has a symbol and a word; color only repeats them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from crosscheck.agreement import Verdict
from crosscheck.ladder import RUNGS, Outcome
from crosscheck.numerics.floor import R2_LIMIT
from crosscheck.rungs.finding import AGREE, CRASHED, DIVERGE, NOT_RUN, Finding
from crosscheck.suite import Results

SYMBOLS = {AGREE: "✓", DIVERGE: "✗", CRASHED: "!", NOT_RUN: "·"}
STYLES = {AGREE: "cyan", DIVERGE: "bold bright_red", CRASHED: "bold reverse", NOT_RUN: "dim"}
"""Told apart by lightness and weight too: no pair of red and green."""


@contextmanager
def progress(console: Console, total: int) -> Iterator[Callable[[Outcome], None]]:
    """While the suite runs: a bar on a terminal, a line a case anywhere else."""
    if not console.is_terminal:
        yield Lines(console, total)
        return
    columns = (
        SpinnerColumn(),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("importing", total=total)

        def advance(outcome: Outcome) -> None:
            if outcome.status in (DIVERGE, CRASHED):
                bar.console.print(Text(f"{SYMBOLS[outcome.status]} {outcome.case}: {outcome.status}", "bold"))
            bar.update(task, advance=1, description=escape(outcome.case))

        yield advance


class Lines:
    """Prints each outcome as it comes, numbered."""

    def __init__(self, console: Console, total: int):
        self.console, self.total, self.count = console, total, 0

    def __call__(self, outcome: Outcome) -> None:
        self.count += 1
        number = f"[{self.count:{len(str(self.total))}}/{self.total}]"
        line = f"{number} {outcome.status:7} {outcome.case}  {outcome.seconds:.1f} s"
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def show(results: Results, console: Console) -> None:
    """Everything, worst last: where a terminal stops scrolling is what is read first."""
    console.print(audit(results.audit))
    console.print(matrix(results.outcomes))
    console.print(absences(results.outcomes))
    for outcome in results.outcomes:
        if outcome.status in (DIVERGE, CRASHED):
            console.print(failure(outcome))
    console.print(summary(results))


def audit(record: Mapping[str, Any]) -> RenderableType:
    """The settings, and before them whatever is not the same in all columns."""
    lines = [Text(f"! settings differ: {difference}", "bold") for difference in record["differences"]]
    versions = [f"{name} {version}" for name, version in record["versions"].items() if version]
    lines.append(Text(", ".join([f"Python {record['python']}", *versions]), "dim"))
    stated = {column: facts_shown(facts) for column, facts in record["columns"].items()}
    if len(set(stated.values())) == 1:
        stated = {"every column": next(iter(stated.values()))}
    lines += [Text(f"{column}: {facts}", "dim") for column, facts in stated.items()]
    if record["commit"]:
        lines.append(Text(f"commit {record['commit']}", "dim"))
    return Group(*lines)


def facts_shown(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {shown(value)}" for name, value in facts.items() if name != "switches")


def shown(value: Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def matrix(outcomes: Sequence[Outcome]) -> RenderableType:
    """The table: cases below their file's name, a column for every rung that was asked for."""
    asked = {finding.rung for outcome in outcomes for finding in outcome.findings}
    rungs = [rung for rung in RUNGS if rung in asked]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("case", overflow="fold")
    for rung in rungs:
        table.add_column(rung, no_wrap=True)
    heading = ""
    for outcome in outcomes:
        group, _, _ = outcome.case.partition("/")[0].rpartition(".")
        if group != heading:
            table.add_row(Text(group, "bold"))
            heading = group
        label = outcome.case[len(group) + 1 :] if group else outcome.case
        found = {finding.rung: cell(finding) for finding in outcome.findings}
        table.add_row(Text(f"  {label}"), *(found.get(rung, Text()) for rung in rungs))
    legend = f"numbers: noise units; 1 is what the arithmetic itself does, above {R2_LIMIT:g} diverges"
    return Padding(Group(table, Text(legend, "dim")), (1, 0))


def cell(finding: Finding) -> Text:
    return Text(f"{SYMBOLS[finding.status]} {word(finding)}", STYLES[finding.status])


def word(finding: Finding) -> str:
    """What stands beside the symbol: the distance in noise units, or the column that is off."""
    if finding.status == AGREE:
        units = farthest(finding.verdicts)
        return "same" if units is None else "equal" if units == 0 else f"{units:.2g}"
    if finding.status == DIVERGE:
        off = finding.divergence.off if finding.divergence else ""
        return off if off and " " not in off else "differ"
    return {CRASHED: "crashed", NOT_RUN: "not run"}[finding.status]


def farthest(verdicts: Sequence[Verdict]) -> float | None:
    """The largest distance from the reference in noise units; None where nothing has such a distance."""
    return max((units for verdict in verdicts for units in verdict.units.values()), default=None)


def absences(outcomes: Sequence[Outcome]) -> RenderableType:
    """What was not run, and why: whole columns first."""
    columns = {(column, why) for outcome in outcomes for column, why in outcome.not_run.items()}
    lines = [Text(f"· {column} not run: {why}", "bold") for column, why in sorted(columns)]
    counts: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        for finding in outcome.findings:
            reason = finding.reason if finding.status == NOT_RUN else finding.figures.get("left_out")
            if reason:
                counts.setdefault(reason, Counter())[finding.rung] += 1
    for reason, rungs in counts.items():
        where = ", ".join(f"{rung} in {counted(count, 'case')}" for rung, count in rungs.items())
        lines.append(Text(f"· not run: {where}: {reason}", "dim"))
    return Group(*lines)


def failure(outcome: Outcome) -> RenderableType:
    """One case that diverged or crashed, with the command that repeats it."""
    parts: list[RenderableType] = [Text(f"\n{SYMBOLS[outcome.status]} {outcome.case}", STYLES[outcome.status])]
    for finding in outcome.findings:
        if finding.status == CRASHED:
            parts.append(Padding(crash(finding), (0, 0, 0, 2)))
        elif finding.status == DIVERGE:
            parts.append(Padding(divergence(finding), (0, 0, 0, 2)))
    parts.append(Text(f"  reproduce: {outcome.reproduce}", "bold", no_wrap=True, overflow="ignore"))
    return Group(*parts)


def crash(finding: Finding) -> RenderableType:
    where = [line.strip() for line in finding.traceback.splitlines() if line.strip().startswith("File ")]
    lines = [Text(f"{finding.rung} crashed: {finding.reason}")]
    return Group(*lines, *(Text(f"  at {line[5:]}", "dim") for line in where[-3:]))


def divergence(finding: Finding) -> RenderableType:
    """Where the columns first part, who is off, by how much, and what each column has there."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts_of(finding):
        table.add_row(name, Text(value))
    return Group(Text(f"{finding.rung} diverges: {finding.reason}"), Padding(table, (0, 0, 0, 2)))


def facts_of(finding: Finding) -> Iterator[tuple[str, str]]:
    at = finding.divergence
    if at is None:
        return
    yield "first divergence", f"{at.direction}, {at.path or 'the whole'}"
    yield "off", at.off or "no column to blame"
    verdict = at.verdict
    yield "tensor", str(verdict.key)
    if verdict.units:
        yield "noise units", ", ".join(f"{column} {units:.3g}" for column, units in verdict.units.items())
        yield "error", f"{verdict.error:.3g}, relative {verdict.relative:.3g}"
        yield "bound", f"{verdict.bound:.3g}; {verdict.needed:.3g} times as much would have passed"
    if verdict.values:
        values = ", ".join(f"{column} {value:.17g}" for column, value in verdict.values.items())
        yield "worst at", f"{verdict.worst}: {values}"


def summary(results: Results) -> Text:
    counts = ", ".join(f"{count} {status}" for status, count in results.counts.items() if count)
    text = f"\n{SYMBOLS[results.status]} {counted(len(results.outcomes), 'case')}: {counts} ({results.seconds:.1f} s)"
    if results.interrupted:
        text += "\ninterrupted: this report is partial"
    elif results.status == NOT_RUN:
        text += "\nnothing was compared"
    return Text(text, STYLES[results.status])


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
