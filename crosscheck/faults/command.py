"""What `crosscheck faults` does: score the catalogue, print the table, write the JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from crosscheck.faults.document import write
from crosscheck.faults.score import Score, Task, score
from crosscheck.faults.shares import Share, shares
from crosscheck.faults.trial import Trial

RIGHT = ("right submodule", "right column")


def run(
    console: Console,
    patterns: Iterable[str] = (),
    columns: Sequence[str] = ("numpy", "torch", "jax"),
    dtypes: Sequence[str] = ("float64",),
    seeds: Sequence[int] = (0,),
    jobs: int = 1,
    json: Path | None = None,
) -> int:
    """Score, print and write; the exit code is 0 if every fault is caught and blamed rightly and nobody is wronged."""
    done = 0

    def tell(task: Task, total: int) -> None:
        nonlocal done
        done += 1
        console.print(f"[{done}/{total}] {task.case}: {len(task.faults)} faults", markup=False, highlight=False)

    found = score(patterns, columns, dtypes, seeds, jobs, tell)
    console.print(page(found))
    if json is not None:
        write(found, json)
    return found.exit_code


def page(found: Score) -> Group:
    """The tables and below them everything that went wrong."""
    every = shares(found)
    absent = [Text(f"{column} not run: {reason}") for column, reason in found.not_run.items()]
    wrong = [Text(line(trial), style="bold") for trial in found.wrong]
    wrong += [
        Text(f"sound {c.case} ({c.dtype}) accused by {c.rung}: {c.reason}", "bold") for c in found.sound if c.accused
    ]
    return Group(own_table(every), rung_table(every), rules_table(every), *absent, *wrong)


def own_table(every: Sequence[Share]) -> Table:
    """What crosscheck detected and whom it blamed, a row a group."""
    return grouped(every, "detected", Table("dtype", "faults", "detected", *RIGHT, title="Planted faults"))


def rung_table(every: Sequence[Share]) -> Table:
    """Which rung refuses first."""
    return grouped(every, "refused first", Table("dtype", "rung", "refused first", *RIGHT, title="By rung"))


def grouped(every: Sequence[Share], first: str, table: Table) -> Table:
    """A row for every dtype and group that has a share of the `first` sort."""
    for dtype, group in ((s.dtype, s.group) for s in every if (s.what, s.by) == (first, "crosscheck")):
        cells = {s.what: s for s in every if (s.dtype, s.group, s.by) == (dtype, group, "crosscheck")}
        table.add_row(dtype, group.removesuffix(" rung"), *(str(cells[what]) for what in (first, *RIGHT)))
    return table


def rules_table(every: Sequence[Share]) -> Table:
    """Crosscheck beside the rules of thumb, on the same observations."""
    table = Table("dtype", "rule", "detected", "usefully", "sound refused", "controls refused", title="Rules compared")
    for dtype, by in dict.fromkeys((s.dtype, s.by) for s in every):
        cells = {s.what: s for s in every if (s.dtype, s.by, s.group) == (dtype, by, "all")}
        useful = cells.get("detected usefully", cells["detected"])
        sound = cells.get("sound cases refused") or cells["sound pairs accused"]
        table.add_row(dtype, by, *map(str, (cells["detected"], useful, sound, cells["controls refused"])))
    return table


def line(trial: Trial) -> str:
    """One misjudged trial in words."""
    where = f"{trial.fault} on {trial.case} ({trial.dtype})"
    if trial.crashed:
        return f"{where}: crashed: {trial.crashed}"
    if not trial.detected:
        return f"{where}: not detected"
    if trial.bites == "nothing":
        return f"{where}: sound, and refused by {trial.rung}: {trial.reason}"
    blamed = f"{trial.blame or 'the whole'} of {trial.off}"
    return f"{where}: {trial.rung} blames {blamed}, not {trial.expected or 'the whole'} of {trial.column}"
