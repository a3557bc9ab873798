"""The suite and the jobs one after the other, shown while they run, and one report of both."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from crosscheck import cli
from crosscheck.case import select
from crosscheck.jobs.table import JOBS, Job
from crosscheck.jobs.training import Result, train
from crosscheck.ladder import Settings
from crosscheck.report import as_html, as_json
from crosscheck.suite import Task

COLUMNS = Settings.backends


def compare(patterns: Sequence[str], folder: Path, jobs: Sequence[Job] = JOBS) -> int:
    """Run everything, print it, write `folder`/compare.json and .html; the exit code."""
    with cli.refusing():
        cases = select(patterns)
        for name in ("json", "html"):
            cli.require_writable(name, folder / f"compare.{name}")
    suite = cli.run_shown([Task(case, Settings()) for case in cases], cli.processes("cpu"))
    results, interrupted = ([], True) if suite.interrupted else run(jobs)
    suite = replace(suite, interrupted=interrupted)
    console = cli.stdout()
    console.print(table(results))
    problems = [f"✗ {result.job.name}: {result.problem}" for result in results if result.problem]
    for problem in problems:
        console.print(problem, style="bold bright_red", highlight=False, markup=False)
    document = as_json.document(suite, [entry(result) for result in results], command="scripts/compare")
    as_json.write(document, folder / "compare.json")
    as_html.write(document, folder / "compare.html")
    console.print(f"wrote {folder}/compare.json and {folder}/compare.html", highlight=False)
    return suite.exit_code or bool(problems)


def run(jobs: Sequence[Job]) -> tuple[list[Result], bool]:
    """The results so far, and whether Ctrl-C ended the run. A job that crashes is a result like the others."""
    results: list[Result] = []
    try:
        for job in jobs:
            with progress(job) as on_epoch:
                results.append(attempt(job, on_epoch))
    except KeyboardInterrupt:
        return results, True
    return results, False


def attempt(job: Job, on_epoch: Any) -> Result:
    try:
        return train(job, COLUMNS, on_epoch=on_epoch)
    except Exception as error:
        return Result(job, crash=f"{type(error).__name__}: {error}", traceback=traceback.format_exc())


@contextmanager
def progress(job: Job) -> Iterator[Any]:
    """A bar on a terminal, a line a job anywhere else."""
    console = Console(stderr=True)
    if not console.is_terminal:
        console.print(f"training {job.name}", highlight=False, soft_wrap=True)
        yield lambda epoch: None
        return
    columns = (SpinnerColumn(), BarColumn(), TextColumn("epoch {task.completed} of {task.total}"), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=console, transient=True) as bar:
        task = bar.add_task(job.name, total=job.epochs)
        yield lambda epoch: bar.update(task, completed=epoch)


def table(results: Sequence[Result]) -> Table:
    """A row a job: held-out accuracy by column, examples on which they disagree, and how far the weights drifted."""
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("trained on real data", *COLUMNS, "target", "disagree", "drift", "steps", ""):
        shown.add_column(name, no_wrap=name != "trained on real data")
    for result in results:
        accuracies = [f"{result.accuracy[c]:.4f}" if c in result.accuracy else "not run" for c in COLUMNS]
        largest = max((value for _, value in result.drift), default=0.0)
        numbers = (f"{result.job.target:g}", f"{result.disagreements} of {result.examples}", f"{largest:.1e}")
        verdict = Text("✗ differ", "bold bright_red") if result.problem else Text("✓ same", "cyan")
        shown.add_row(result.job.name, *accuracies, *numbers, str(len(result.drift)), verdict)
    return shown


def entry(result: Result) -> dict[str, Any]:
    """The result as the report has it."""
    return {
        "name": result.job.name,
        "data": result.job.data,
        "target": result.job.target,
        "accuracy": result.accuracy,
        "disagreements": result.disagreements,
        "examples": result.examples,
        "curves": result.curves,
        "drift": result.drift,
        "not_run": result.not_run,
        "problem": result.problem,
        "traceback": result.traceback,
        "seconds": result.seconds,
    }
