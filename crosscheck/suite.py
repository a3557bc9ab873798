"""The suite: many cases over a process per core. Whatever happens to one case, the others are still judged."""

from __future__ import annotations

import multiprocessing
import signal
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from crosscheck.case import Case
from crosscheck.ladder import Outcome, Settings, climb
from crosscheck.rungs.finding import AGREE, CRASHED, DIVERGE, NOT_RUN, Finding
from crosscheck.settings import one_thread, record

SHARE = 8
"""Importing the frameworks takes as long as about this many small cases: a process for fewer does not pay."""

STATUSES = (CRASHED, DIVERGE, AGREE, NOT_RUN)


@dataclass(frozen=True)
class Task:
    """One case to be run under some settings."""

    case: Case
    settings: Settings


@dataclass(frozen=True)
class Results:
    """One outcome a task, in the order asked for, and the settings audit of the process that ran them."""

    outcomes: Sequence[Outcome]
    audit: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """How many cases agree, diverge, crashed or were not run."""
        counted = Counter(outcome.status for outcome in self.outcomes)
        return {status: counted[status] for status in STATUSES}

    @property
    def status(self) -> str:
        """The worst that happened; "agree" only of a whole run in which something was compared."""
        worst = next((status for status, count in self.counts.items() if count), NOT_RUN)
        return NOT_RUN if self.interrupted and worst == AGREE else worst

    @property
    def exit_code(self) -> int:
        """0 agree, 1 diverge or crashed, 2 nothing could be compared, 130 interrupted."""
        return 130 if self.interrupted else {AGREE: 0, NOT_RUN: 2}.get(self.status, 1)


def run(
    cases: Iterable[Case],
    settings: Settings,
    jobs: int = 1,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
) -> Results:
    """Run the cases under one set of settings; `on_outcome` is called as each ends."""
    return run_tasks([Task(case, settings) for case in cases], jobs, on_outcome)


def run_tasks(
    tasks: Sequence[Task], jobs: int = 1, on_outcome: Callable[[Outcome], None] = lambda outcome: None
) -> Results:
    """Run the tasks over up to `jobs` processes; 1 is this process. Ctrl-C stops at once and keeps what is done."""
    start = time.perf_counter()
    done: dict[int, Outcome] = {}
    audit: Mapping[str, Any] = record()
    workers = min(jobs, -(-len(tasks) // SHARE))
    source = in_workers(tasks, workers) if workers > 1 else in_process(tasks)
    interrupted = False
    try:
        for index, outcome, seen in source:
            done[index] = outcome
            audit = seen or audit
            on_outcome(outcome)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        source.close()
    outcomes = [done.get(index) or left_out(task) for index, task in enumerate(tasks)]
    return Results(outcomes, audit, time.perf_counter() - start, interrupted)


Answer = tuple[int, Outcome, Mapping[str, Any]]


def in_process(tasks: Sequence[Task]) -> Generator[Answer, None, None]:
    for index, task in enumerate(tasks):
        yield index, *perform(task)


def in_workers(tasks: Sequence[Task], count: int) -> Generator[Answer, None, None]:
    """Long-lived workers, so that imports and compiled programs are shared; one that dies is replaced."""
    todo = deque(enumerate(tasks))
    crew: dict[Connection, Worker] = {}
    try:
        while todo or crew:
            while todo and len(crew) < count:
                worker = Worker()
                crew[worker.connection] = worker
                worker.give(*todo.popleft())
            ready = wait(list(crew))
            for worker in [worker for connection, worker in crew.items() if connection in ready]:
                answer = worker.answer()
                if worker.alive and todo:
                    worker.give(*todo.popleft())
                else:
                    crew.pop(worker.connection).connection.close()  # with which a worker that lives ends its life
                yield answer
    finally:
        for worker in crew.values():
            worker.process.kill()


class Worker:
    """A process that runs one task at a time."""

    def __init__(self) -> None:
        one_thread()
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=work, args=(theirs,), daemon=True)
        self.alive = True
        start_deaf(self.process)
        theirs.close()

    def give(self, index: int, task: Task) -> None:
        self.index, self.task = index, task
        with suppress(BrokenPipeError):  # it died before it was asked: answer() says so
            self.connection.send(task)

    def answer(self) -> Answer:
        """What the worker found; that the case crashed if the process is no more."""
        try:
            outcome, audit = self.connection.recv()
            return self.index, outcome, audit
        except (EOFError, ConnectionResetError):
            self.alive = False
            self.process.join()
            return self.index, crashed(self.task, f"the process that ran it ended: {ending(self.process)}"), {}


def start_deaf(process: BaseProcess) -> None:
    """Start a process that ignores Ctrl-C from its first moment: stopping the workers is the parent's business."""
    try:
        heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not in the main thread, which Ctrl-C does not reach either
        return process.start()
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, heard)


def work(connection: Connection) -> None:
    """The worker's life: run what comes until the other end is closed."""
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        connection.send(perform(task))


def perform(task: Task) -> tuple[Outcome, Mapping[str, Any]]:
    """The outcome, and the settings audit once the frameworks are loaded. The ladder catches what a rung raises."""
    try:
        outcome = climb(task.case, task.settings)
    except Exception as error:
        outcome = crashed(task, f"{type(error).__name__}: {error}", traceback.format_exc())
    return outcome, record(task.settings.device, task.settings.dtypes)


def ending(process: BaseProcess) -> str:
    code = process.exitcode
    return signal.strsignal(-code) or f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def crashed(task: Task, reason: str, trace: str = "") -> Outcome:
    findings = [Finding(rung, CRASHED, reason=reason, traceback=trace) for rung in task.settings.rungs]
    return Outcome(task.case.name, findings, {}, 0.0, task.settings, task.case.why)


def left_out(task: Task) -> Outcome:
    findings = [Finding(rung, NOT_RUN, reason="interrupted before it ran") for rung in task.settings.rungs]
    return Outcome(task.case.name, findings, {}, 0.0, task.settings, task.case.why)
