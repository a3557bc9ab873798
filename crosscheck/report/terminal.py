"""The report in a terminal: a line a case, a cell a rung, and below what diverged, where, and how to see it again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from crosscheck.ladder import Outcome
from crosscheck.report.wording import SYMBOLS, Entry, absences, cell, counted, failures, shown, split
from crosscheck.rungs.finding import AGREE, CRASHED, DIVERGE, NOT_RUN

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


def show(document: Entry, console: Console) -> None:
    """Everything, worst last: where a terminal stops scrolling is what is read first."""
    console.print(audit(document["audit"]))
    console.print(matrix(document))
    for what, why in absences(document):
        console.print(Text(f"· not run: {what}: {why}", "dim"))
    for case in document["cases"]:
        if case["status"] in (DIVERGE, CRASHED):
            console.print(failed(case))
            # not wrapped, so that it can be copied
            console.print(Text(f"  reproduce: {case['reproduce']}", "bold"), soft_wrap=True)
    console.print(summary(document))


def audit(record: Entry) -> RenderableType:
    """The settings, and before them whatever is not the same in all columns."""
    lines = [Text(f"! settings differ: {difference}", "bold") for difference in record["differences"]]
    versions = [f"{name} {version}" for name, version in record["versions"].items() if version]
    lines.append(Text(", ".join([f"Python {record['python']}", *versions]), "dim"))
    stated = {column: stated_facts(facts) for column, facts in record["columns"].items()}
    if len(set(stated.values())) == 1:
        stated = {"every column": next(iter(stated.values()))}
    lines += [Text(f"{column}: {facts}", "dim") for column, facts in stated.items()]
    if record["commit"]:
        lines.append(Text(f"commit {record['commit']}", "dim"))
    return Group(*lines)


def stated_facts(facts: Entry) -> str:
    return ", ".join(f"{name} {shown(value)}" for name, value in facts.items() if name != "switches")


def matrix(document: Entry) -> RenderableType:
    """The table: cases below their file's name, a column for every rung that was asked for."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("case", overflow="fold")
    for rung in document["rungs"]:
        table.add_column(rung, no_wrap=True)
    heading = ""
    for case in document["cases"]:
        group, label = split(case["case"])
        if group != heading:
            table.add_row(Text(group, "bold"))
            heading = group
        found = {finding["rung"]: finding for finding in case["rungs"]}
        table.add_row(Text(f"  {label}"), *(styled(found.get(rung)) for rung in document["rungs"]))
    limit = document["limits"]["units"]
    legend = f"numbers: noise units; 1 is what the arithmetic itself does, above {limit:g} diverges.   · not run"
    return Padding(Group(table, Text(legend, "dim")), (1, 0))


def styled(finding: Entry | None) -> Text:
    return Text(" ".join(cell(finding)), STYLES[finding["status"]]) if finding else Text()


def failed(case: Entry) -> RenderableType:
    """One case that diverged or crashed: for a crash its last frames, else the first divergence."""
    parts: list[RenderableType] = [Text(f"\n{SYMBOLS[case['status']]} {case['case']}", STYLES[case["status"]])]
    for failure in failures(case):
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in failure["facts"]:
            table.add_row(name, Text(value))
        at = failure["finding"]["divergence"]
        for column, value in at["tensor"]["values"].items() if at else ():
            table.add_row("", Text(f"{column:12} {value!r}"))
        frames = [line.strip() for line in failure["finding"]["traceback"].splitlines() if "File " in line]
        for frame in frames[-3:]:
            table.add_row("at", Text(frame.removeprefix("File ")))
        parts.append(Padding(Group(Text(failure["title"]), Padding(table, (0, 0, 0, 2))), (0, 0, 0, 2)))
    return Group(*parts)


def summary(document: Entry) -> Text:
    counts = ", ".join(f"{count} {status}" for status, count in document["counts"].items() if count)
    cases, status = counted(len(document["cases"]), "case"), document["status"]
    text = f"\n{SYMBOLS[status]} {cases}: {counts} ({document['seconds']:.1f} s)"
    if document["interrupted"]:
        text += "\ninterrupted: this report is partial"
    elif status == NOT_RUN:
        text += "\nnothing was compared"
    return Text(text, STYLES[status])
