"""The training loop that the columns share: in step, from the same weights, on the same mini-batches."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from crosscheck.axes import Array
from crosscheck.jobs.data import DataSet, load, split
from crosscheck.jobs.learner import Learner, Weights, starting_point
from crosscheck.jobs.table import Job
from crosscheck.session import split_columns


@dataclass
class Result:
    """accuracy: on the held-out examples, by column; disagreements: held-out examples that not all columns put into one
    class; curves: the mean cost of each epoch; drift: after each step, the largest difference of a weight between two
    columns, in units of the largest weight of its tensor; not_run: columns left out, and why; crash: what ended it."""

    job: Job
    examples: int = 0
    accuracy: dict[str, float] = field(default_factory=dict)
    disagreements: int = 0
    curves: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    drift: list[tuple[int, float]] = field(default_factory=list)
    not_run: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    crash: str = ""
    traceback: str = ""

    @property
    def problem(self) -> str:
        """Why the result is not good enough, or ""."""
        if self.crash:
            return f"crashed: {self.crash}"
        if len(self.accuracy) < 2:
            return "only one column was trained: nothing to compare it with"
        if self.disagreements:
            return f"the columns disagree on {self.disagreements} of {self.examples} held-out examples"
        low = {column: value for column, value in self.accuracy.items() if value < self.job.target}
        if low:
            return f"held-out accuracy {low} is below {self.job.target}"
        return ""


def train(
    job: Job,
    columns: Sequence[str] = ("numpy", "torch", "jax"),
    seed: int = 0,
    data: DataSet | None = None,
    on_epoch: Callable[[int], None] = lambda epoch: None,
) -> Result:
    """Train the job in the columns that are installed, on its own data or on `data`; `on_epoch` hears of progress."""
    start = time.perf_counter()
    running, not_run = split_columns(columns)
    training, held_out = split(data or load(job.data))
    weights, state = starting_point(job, seed)
    learners = [learner(column)(job, weights, state, training) for column in running]
    result = Result(job, held_out.m, curves={column: [] for column in running}, not_run=not_run)
    rng = np.random.default_rng(seed)
    for epoch in range(1, job.epochs + 1):
        costs = run_epoch(learners, rng.permutation(training.m), result)
        for column, cost in zip(running, costs):
            result.curves[column].append((epoch, cost))
        on_epoch(epoch)
    judge(result, learners, held_out)
    result.seconds = time.perf_counter() - start
    return result


def learner(column: str) -> type[Learner]:
    found: type[Learner] = importlib.import_module(f"crosscheck.jobs.{column}_learner").Learner
    return found


def run_epoch(learners: Sequence[Learner], order: Array, result: Result) -> list[float]:
    """One pass over the training set in lock-step; the mean cost per example of each column."""
    totals = np.zeros(len(learners))
    for batches in zip(*(learner.batches(order) for learner in learners)):
        size = batches[0][1].shape[1]
        totals += [size * float(learner.step(X, Y)) for learner, (X, Y) in zip(learners, batches)]
        result.drift.append((len(result.drift) + 1, drift([learner.weights() for learner in learners])))
    for each in learners:
        each.end_epoch()
    return [float(total) for total in totals / len(order)]


def drift(weights: Sequence[Weights]) -> float:
    return max(
        (
            float(np.abs(a[path] - b[path]).max() / (np.abs(a[path]).max() or 1))
            for a, b in combinations(weights, 2)
            for path in a
        ),
        default=0.0,
    )


def judge(result: Result, learners: Sequence[Learner], held_out: DataSet) -> None:
    truth = classes(held_out.Y)
    predicted = [classes(each.logits(held_out.X), threshold=0) for each in learners]
    for each, found in zip(learners, predicted):
        result.accuracy[each.column] = float((found == truth).mean())
    result.disagreements = int(np.ptp(predicted, axis=0).astype(bool).sum())


def classes(outputs: Array, threshold: float = 0.5) -> Array:
    """The class of each example: the largest of several rows, or whether a single row is above the threshold."""
    found: Array = outputs[0] > threshold if outputs.shape[0] == 1 else outputs.argmax(axis=0)
    return found.astype(int)
