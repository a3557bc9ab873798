"""What is done in a process of its own, whose memory goes back with it: one pass of one column, or of the noise."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crosscheck.axes import Array
from crosscheck.backends.base import Subject
from crosscheck.case import Case
from crosscheck.feed import Feed
from crosscheck.fullsize.shelf import Shelf, pieces
from crosscheck.numerics.carrier import values
from crosscheck.numerics.formats import arithmetic
from crosscheck.numerics.noise import Emulator
from crosscheck.observation import Key, Observation
from crosscheck.session import Session
from reference.kernels import definition_only

FORWARD = ("output", "input", "activation", "state")
BACKWARD = ("gradient", "input gradient", "cotangent", "input cotangent")
"""Kinds of tensors by the direction in which they arise."""

TRUTH = "definitions"
"""The name of the reference's pass in float64 without its kernels, which are judged like any other column."""


@dataclass(frozen=True)
class Pass:
    """What a pass showed, its tensors on disk; how long it took without the imports; the process's peak memory [B]."""

    seen: Observation
    seconds: float
    peak: int


def column_pass(case: Case, column: str, dtype: str, seed: int, folder: Path) -> Pass:
    """Forward and backward in a column, or of the truth in float64 on the numbers of the dtype."""
    session = Session(case, [column], seed=seed, dtype=dtype)
    subject: Subject = session.oracle if column == TRUTH else session.subject(column)
    with definition_only() if column == TRUTH else nullcontext():
        return taken(lambda: subject.observe(session.feed(), train=True), lambda key, array: array, folder)


def noisy_pass(case: Case, truth: Mapping[Key, Array], dtype: str, seed: int, run: int, folder: Path) -> Pass:
    """The reference disturbed as the dtype would: how far every tensor is from the truth."""
    session = Session(case, ["numpy"], seed=seed, dtype=dtype)
    emulator = Emulator(arithmetic(dtype), run)

    @np.errstate(all="ignore")  # noise that is not finite fails by its floor
    def observe(feed: Feed) -> Observation:
        observed: Observation = session.oracle.observe_as(emulator.lift, feed, True)
        return observed

    def deviation(key: Key, numbers: Array) -> Array:
        return np.asarray(numbers - truth[key], np.float32)

    return taken(lambda: observe(session.feed()), deviation, folder)


def taken(observe: Callable[[], Observation], kept: Callable[[Key, Array], Array], folder: Path) -> Pass:
    start = time.perf_counter()
    seen = observe()
    seconds = time.perf_counter() - start
    shelf, axes = Shelf(folder), {}
    for whole, value in seen.tensors.items():
        for key, piece in pieces(whole, values(value)):
            shelf.put(key, kept(key, piece))
            axes[key] = seen.axes[whole]
    return Pass(Observation(seen.column, shelf, axes, seen.modules), seconds, peak_memory())


def peak_memory() -> int:
    """The most memory that this process has had, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
