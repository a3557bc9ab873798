"""Scoring the checker on the catalogue: every fault on every case it is planted on, and the same cases when sound."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from crosscheck.faults.catalogue import Fault, Site, catalogue, select
from crosscheck.faults.conventional import refusals
from crosscheck.faults.trial import Bench, Trial, blank, first_refusal, outcome, rules_for, rungs_in
from crosscheck.rungs.finding import DIVERGE
from crosscheck.rungs.training import RULES
from crosscheck.session import split_columns
from crosscheck.settings import one_thread, record


@dataclass(frozen=True)
class Sound:
    """A case with no fault in it: the pairs of columns that were accused all the same, and by which rung."""

    case: str
    dtype: str
    seed: int
    pairs: tuple[tuple[str, str], ...]
    accused: tuple[tuple[str, str], ...] = ()
    rung: str = ""
    reason: str = ""
    conventional: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """All faults on one case, so that its sound columns run once."""

    case: str
    faults: tuple[str, ...]
    columns: tuple[str, ...]
    dtypes: tuple[str, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Score:
    """Everything that was tried. `not_run` says which columns are missing and why."""

    trials: Sequence[Trial]
    sound: Sequence[Sound]
    not_run: dict[str, str] = field(default_factory=dict)
    audit: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def faulty(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.bites != "nothing"]

    @property
    def controls(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.bites == "nothing"]

    @property
    def wrong(self) -> list[Trial]:
        """Faults that float64 misses or misjudges, sound columns accused, controls refused, trials that crashed."""
        return [
            trial
            for trial in self.trials
            if trial.crashed
            or trial.accuses_sound
            or (trial.detected if trial.bites == "nothing" else trial.dtype == "float64" and not judged_right(trial))
        ]

    @property
    def exit_code(self) -> int:
        """0 all judged rightly, 1 not, 2 nothing was tried, 130 interrupted."""
        if self.interrupted:
            return 130
        if not self.trials:
            return 2
        return int(bool(self.wrong or any(sound.accused for sound in self.sound)))


def judged_right(trial: Trial) -> bool:
    return trial.blamed_right and trial.column_right


def plan(faults: Iterable[Fault], columns: Sequence[str], dtypes: Sequence[str], seeds: Sequence[int]) -> list[Task]:
    """One task a case, the longest first."""
    by_case: dict[str, list[str]] = {}
    for fault in faults:
        for site in fault.sites:
            by_case.setdefault(site.case, []).append(fault.id)
    tasks = [Task(case, tuple(ids), tuple(columns), tuple(dtypes), tuple(seeds)) for case, ids in by_case.items()]
    return sorted(tasks, key=lambda task: -len(task.faults))


def score(
    patterns: Iterable[str] = (),
    columns: Sequence[str] = ("numpy", "torch", "jax"),
    dtypes: Sequence[str] = ("float64",),
    seeds: Sequence[int] = (0,),
    jobs: int = 1,
    on_task: Callable[[Task, int], None] = lambda task, count: None,
) -> Score:
    """Plant every fault that matches on every case of its sites; `on_task` hears of each case done and of how many.

    Ctrl-C stops at once and keeps what is done. Raises LookupError for an unknown column or a pattern without a match.
    """
    present, absent = split_columns(columns)
    faults = [fault for fault in select(patterns, catalogue(present)) if can_be_accused(fault, present)]
    tasks = plan(faults, present, dtypes, seeds)
    trials: list[Trial] = []
    sound: list[Sound] = []
    audit: dict[str, Any] = {}
    interrupted = False
    source = performed(tasks, jobs)
    try:
        for task, (tried, clean, seen) in source:
            trials += tried
            sound += clean
            audit = seen
            on_task(task, len(tasks))
    except KeyboardInterrupt:
        interrupted = True
    finally:
        source.close()
    return Score(trials, sound, absent, audit, interrupted)


def can_be_accused(fault: Fault, columns: Sequence[str]) -> bool:
    """Between two columns there is no vote: a fault of the reference would be laid at the other's door."""
    return fault.column != "numpy" or len(columns) > 2


Answer = tuple[list[Trial], list[Sound], dict[str, Any]]


def performed(tasks: Sequence[Task], jobs: int) -> Generator[tuple[Task, Answer], None, None]:
    if jobs == 1 or len(tasks) < 2:
        for task in tasks:
            yield task, perform(task)
        return
    one_thread()
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=ignore_interrupts) as pool:
        futures = {pool.submit(perform, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except (KeyboardInterrupt, GeneratorExit):
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.kill()
            raise


def ignore_interrupts() -> None:
    """Ctrl-C is the parent's business, which ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def perform(task: Task) -> Answer:
    bench = Bench(task.columns)
    wanted = [fault for fault in catalogue(task.columns) if fault.id in task.faults]
    sites = [(fault, site) for fault in wanted for site in fault.sites if site.case == task.case]
    trials, sound = [], []
    for seed in task.seeds:
        for dtype in task.dtypes:
            sound.append(try_sound(bench, task.case, dtype, seed))
            narrow = dtype != "float64"
            trials += [try_fault(bench, *pair, dtype, seed) for pair in sites if not (narrow and of_structure(*pair))]
    return trials, sound, record()


def of_structure(fault: Fault, site: Site) -> bool:
    return fault.rung(site) == "structure"


def try_fault(bench: Bench, fault: Fault, site: Site, dtype: str, seed: int) -> Trial:
    """Climb the ladder until a rung refuses, then ask the rules of thumb. A crash is reported, and the rest goes on."""
    trial = blank(fault, site, dtype, seed)
    try:
        with bench.faulty(fault, site, dtype, seed) as session:
            trial = outcome(trial, first_refusal(session, rungs_in(dtype)))
            if of_structure(fault, site) or session.broken:
                return trial
            rules = rules_for(site.blame) if fault.rung(site) == "training" else ()
            return replace(trial, conventional=refusals(session, rules))
    except Exception as error:
        return replace(trial, crashed=trial.crashed or f"{type(error).__name__}: {error}")


def try_sound(bench: Bench, case: str, dtype: str, seed: int) -> Sound:
    session = bench.session(case, dtype, seed)
    pairs = tuple(combinations(bench.columns, 2))
    finding = first_refusal(session, rungs_in(dtype))
    clean = Sound(case, dtype, seed, pairs, conventional=refusals(session, RULES if session.case.cost else ()))
    if finding is None:
        return clean
    divergence = finding.divergence
    off = divergence.off.split(" and ") if finding.status == DIVERGE and divergence else []
    accused = tuple(pair for pair in pairs if not set(off) & set(bench.columns) or set(off) & set(pair))
    return replace(clean, accused=accused, rung=finding.rung, reason=finding.reason)
