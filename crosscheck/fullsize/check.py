"""One network in one dtype: the truth, every column's pass and K noisy ones on disk, then compared tensor by tensor.

The bound is the noise floor of the whole network (numerics/floor.py), as everywhere, of fewer runs: the K = 16 of small
cases are for tensors of few numbers, and here nearly every tensor has thousands over which sigma_T is a mean.

Among millions of relus some lie so near to zero that float32 decides them either way, and each that flips moves a few
elements by much more than rounding does. Noise with such a tail breaks the limit on elements itself: a noisy run that
is judged by the floor of the others has rel above 24 too. So where a column exceeds that limit, it may be as many times
farther out than the worst noisy run as a tensor may be than its noise:

    L = max_k rel(run k, floor of the others)        rel may be up to max(24, 8 L), 8 being the limit of r2

In float64 nothing flips, and the limits are the usual ones.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crosscheck.agreement import Truth, Verdict, verdict_on
from crosscheck.axes import Array
from crosscheck.case import Case
from crosscheck.fullsize.passes import BACKWARD, FORWARD, TRUTH, Pass, column_pass, noisy_pass
from crosscheck.locate import Divergence, first_divergence
from crosscheck.numerics.floor import R2_LIMIT, REL_LIMIT, Floor, judge, noise_floor
from crosscheck.numerics.formats import Format, arithmetic
from crosscheck.observation import Key, Observation

Runner = Callable[..., Pass]
"""Calls a function of passes.py with its arguments, somewhere."""


@dataclass(frozen=True)
class Result:
    """Verdicts on all tensors in the order of the forward pass, what each pass took, where the columns first part, and
    on how many tensors the tail of the noise was asked."""

    verdicts: Sequence[Verdict]
    passes: Mapping[str, Pass]
    divergence: Divergence | None
    tailed: int

    @property
    def agrees(self) -> bool:
        return bool(self.verdicts) and all(verdict.agrees for verdict in self.verdicts)

    def worst(self, direction: str) -> Verdict:
        """The verdict that is nearest to its limit, or farthest beyond, in the forward or backward direction."""
        kinds = {"forward": FORWARD, "backward": BACKWARD}[direction]
        return max((verdict for verdict in self.verdicts if verdict.key.kind in kinds), key=lambda v: v.needed)

    def units(self, column: str, direction: str) -> float:
        """The largest distance of a column from the reference, in noise units."""
        kinds = {"forward": FORWARD, "backward": BACKWARD}[direction]
        return max(v.units.get(column, float("inf")) for v in self.verdicts if v.key.kind in kinds)


class Floors(Mapping[Key, Floor]):
    """The floor of a tensor, made of its deviations on disk when it is asked for; the latest is kept."""

    def __init__(self, truth: Mapping[Key, Any], runs: Sequence[Mapping[Key, Any]], format: Format) -> None:
        self.truth, self.runs, self.format = truth, runs, format
        self.latest: tuple[Key, Floor] | None = None

    def __getitem__(self, key: Key) -> Floor:
        if self.latest is None or self.latest[0] != key:
            self.latest = key, noise_floor(self.deviations(key), self.truth[key], self.format)
        return self.latest[1]

    def deviations(self, key: Key) -> list[Array]:
        """Wide again: in float32 their unit may underflow."""
        return [run[key].astype(np.float64) for run in self.runs]

    @property
    def has_tail(self) -> bool:
        """Whether a relu may flip."""
        return self.format.bits < 53

    def with_tail(self, key: Key) -> Floor:
        """The floor whose elements allow what noisy runs do to each other."""
        floor, truth = self[key], self.truth[key]
        runs = self.deviations(key)
        others = [noise_floor(runs[:k] + runs[k + 1 :], truth, self.format) for k in range(len(runs))]
        tail = max(judge(run, np.zeros_like(run), other).rel for run, other in zip(runs, others))
        return Floor(floor.tensor, floor.element * max(1.0, R2_LIMIT * tail / REL_LIMIT))

    def __iter__(self) -> Iterator[Key]:
        return iter(self.truth)

    def __len__(self) -> int:
        return len(self.truth)


def in_a_process(function: Callable[..., Pass], *arguments: Any) -> Pass:
    """One process after the other, so that each has the memory to itself and gives all of it back."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


def check(
    case: Case,
    columns: Sequence[str],
    dtype: str,
    runs: int,
    seed: int = 0,
    on_step: Callable[[str], None] = lambda step: None,
    run: Runner = in_a_process,
) -> Result:
    """Compare the columns, the reference first among them; `on_step` is told what is about to begin."""
    with tempfile.TemporaryDirectory(prefix="crosscheck-") as name:
        folder, passes = Path(name), {}
        for column in (TRUTH, *columns):
            on_step(column)
            passes[column] = run(column_pass, case, column, dtype, seed, folder / column)
        truth = passes[TRUTH].seen.tensors
        for number in range(runs):
            on_step(f"noise {number + 1} of {runs}")
            passes[f"noise {number}"] = run(noisy_pass, case, truth, dtype, seed, number, folder / f"noise{number}")
        on_step("comparing")
        noise = [passes[f"noise {number}"].seen.tensors for number in range(runs)]
        floors = Floors(truth, noise, arithmetic(dtype).storage)
        verdicts, tailed = compare([passes[column].seen for column in columns], truth, floors)
    return Result(verdicts, passes, first_divergence(verdicts, passes["numpy"].seen.modules), tailed)


def compare(
    observations: Sequence[Observation], truth: Mapping[Key, Array], floors: Floors
) -> tuple[list[Verdict], int]:
    """The verdicts, and how many of them are by the floor with its tail."""
    verdicts, tailed = [], 0
    for key in dict.fromkeys(key for observation in observations for key in observation.tensors):
        verdict = verdict_on(key, observations, Truth(truth, floors), {})
        if verdict and not verdict.agrees and floors.has_tail and np.isfinite(verdict.needed):
            tailed += 1
            verdict = verdict_on(key, observations, Truth(truth, {key: floors.with_tail(key)}), {})
        verdicts += [verdict] if verdict else []
    return verdicts, tailed
