"""The training that the columns share: from the same point, on the same mini-batches, an epoch of a column at a time.

Beside each column runs its twin: the column again, with the scenes of each mini-batch in the opposite order. Sums are
the same and their rounding is not, so the distance of the two is what that column's rounding makes of this very
training, however it grows on the way. It is the unit in which the columns' distances are told.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from crosscheck.axes import Array
from crosscheck.backends.base import Point, Subject, subject
from crosscheck.detect.recipe import Recipe
from crosscheck.faults.score import ignore_interrupts
from crosscheck.feed import Feed
from crosscheck.jobs.learner import starting_point
from crosscheck.settings import one_thread

TWIN = ", other order"
"""The end of a twin's name."""
SEED = 0


@dataclass
class Training:
    """How far it is: the epochs done, where every learner stands, and its mean cost of each epoch."""

    recipe: Recipe
    points: dict[str, Point]
    epoch: int = 0
    curves: dict[str, list[float]] = field(default_factory=dict)


def start(recipe: Recipe, columns: Sequence[str]) -> Training:
    params, state = starting_point(recipe, SEED)
    params = {path: with_prior(W, recipe) if path.endswith("head.b") else W for path, W in params.items()}
    learners = [name for column in columns for name in (column, column + TWIN)]
    return Training(recipe, {name: Point(params, state) for name in learners}, 0, {name: [] for name in learners})


def with_prior(b: Array, recipe: Recipe) -> Array:
    """A head's bias, with the logit of p_c of each of a cell's boxes."""
    first = np.arange(b.shape[-1]) % (b.shape[-1] // recipe.boxes) == 0
    return np.where(first, recipe.prior, b)


def train(
    training: Training,
    pool: Executor,
    on_epoch: Callable[[], None] = lambda: None,
    on_part: Callable[[], None] = lambda: None,
) -> None:
    """Go on to the last epoch; `on_part` hears of every learner's epoch, `on_epoch` of every one that all have done."""
    recipe = training.recipe
    for number in range(training.epoch, recipe.epochs):
        parts = [(name, recipe, point, number) for name, point in training.points.items()]
        for future in as_completed([pool.submit(run_epoch, part) for part in parts]):
            name, point, cost = future.result()
            training.points[name] = point
            training.curves[name].append(cost)
            on_part()
        training.epoch = number + 1
        on_epoch()


def run_epoch(part: tuple[str, Recipe, Point, int]) -> tuple[str, Point, float]:
    """Where a learner is after one pass over the training scenes, and its mean cost."""
    name, recipe, point, number = part
    column, scenes, costs = learner(column_of(name), recipe), recipe.training, []
    for chosen in recipe.batches(number):
        chosen = chosen[::-1] if name.endswith(TWIN) else chosen
        batch = Feed(point.params, point.state, {"X": scenes.pictures[chosen]}, scenes.objects[chosen])
        point = column.step(batch, recipe.rule(number), point)
        assert point.slope is not None
        costs.append(point.slope.loss)
        point = replace(point, slope=None)
    return name, point, float(np.mean(costs))


def column_of(name: str) -> str:
    return name.removesuffix(TWIN)


@cache
def learner(column: str, recipe: Recipe) -> Subject:
    """One a process: compiled programs are kept in it."""
    return subject(column, recipe.case)


def drift(training: Training, name: str, other: str = "numpy") -> float:
    """The largest difference of a weight between two learners, in units of the largest weight of its tensor."""
    one, two = training.points[other].params, training.points[name].params
    return max(float(np.abs(two[path] - W).max() / (np.abs(W).max() or 1)) for path, W in one.items())


@contextmanager
def workers(count: int) -> Iterator[Executor]:
    """Processes that outlive epochs and end with the block, at once if it is interrupted."""
    one_thread()
    others = multiprocessing.active_children()
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), ignore_interrupts) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                if worker not in others:
                    worker.kill()
                    worker.join()
            raise
