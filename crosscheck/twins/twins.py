"""Two models that are run alike: at the same values, in the same mode, and nearby, where noise shows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.inputs import Inputs
from crosscheck.models.model import Arrays, Ask, Model, Run, cast
from crosscheck.models.shelf import Shelf
from crosscheck.pairing.links import Pairing
from crosscheck.twins.forced import Names, given_out, there
from crosscheck.twins.layouts import Images
from crosscheck.twins.measure import ROUNDOFF, STEP
from crosscheck.twins.padding import Padding, masks, padding
from crosscheck.twins.randomise import fresh
from crosscheck.twins.randomise import moved as nudge

LONG = 0.25
"""Seconds."""
AGAIN = 1
"""A seed other than that of most runs, so that what is drawn shows itself."""


@dataclass(frozen=True)
class Ends:
    """What comes out of both models in a mode (its values do not count), and how the outputs correspond."""

    first: Arrays
    second: Arrays
    names: Names

    @staticmethod
    def of(first: Arrays, second: Arrays, images: Images) -> Ends:
        return Ends(first, second, given_out(first, second, images))

    def fits(self, other: Ends) -> bool:
        """Whether outputs of the same names and shapes come out."""
        return kinds(self.first) == kinds(other.first) and kinds(self.second) == kinds(other.second)


def kinds(outputs: Arrays) -> dict[str, tuple[tuple[int, ...], str]]:
    return {name: (y.shape, y.dtype.kind) for name, y in outputs.items()}


@dataclass(frozen=True)
class Both:
    """What both models were asked and what they showed; how long the first took [s]."""

    asks: tuple[Ask, Ask]
    runs: tuple[Run, Run]
    took: float


@dataclass
class Twins:
    """Two opened models with everything that lets them be run alike."""

    first: Model
    second: Model
    inputs: Inputs
    pairing: Pairing
    seed: int
    images: Images = ""
    dtype: str = "float64"
    input_names: Names = field(default_factory=dict)
    ends: dict[bool, Ends] = field(default_factory=dict)
    """What comes out in evaluation (False) and in training mode, told by values."""
    expected: Ends = field(default_factory=lambda: Ends({}, {}, {}))
    """What is expected to come out, told by a first look."""
    kept: tuple[Ask, Run, list[Run]] | tuple[()] = ()
    begun: Both | None = None
    """A first run in evaluation mode at `random`, until it is judged."""
    steady: set[bool] = field(default_factory=set)
    """Modes in which both are known to give the same again."""
    narrow: bool = False
    """Whether either model was found to keep float32 somewhere; from then on float32's rounding is no divergence."""
    padding: Padding | None = None

    @cached_property
    def random(self) -> Arrays:
        """Fresh values for every leaf of the first model but buffers that the second does without."""
        shelf, given = Shelf(), self.first.values()
        fixed = {leaf.path for leaf in self.first.leaves if not leaf.trainable} & {*self.pairing.first_alone}
        drawn = fresh(self.first.leaves, given, self.seed) | {path: given[path] for path in fixed}
        return {path: shelf.keep(value, copy=False) for path, value in drawn.items()}

    def values(self, values: Mapping[str, Array]) -> tuple[Arrays, Arrays]:
        """The first's values, without what the second has no place for, and the second's that correspond to them. Of
        two biases that are one there the sum is not to be rounded."""
        kept = self.pairing.kept({path: cast(value, "float64") for path, value in values.items()})
        return kept, self.pairing.carry(kept, self.second.values())

    def asks(self, values: Mapping[str, Array], train: bool, **more: Any) -> tuple[Ask, Ask]:
        mine, theirs = self.values(values)
        more.setdefault("dtype", self.dtype)
        return Ask(mine, self.inputs.first, train, **more), Ask(theirs, self.inputs.second, train, **more)

    def names(self, train: bool) -> Names:
        """Which output of the second model each of the first's is in this mode."""
        return self.ends.get(train, self.expected).names

    def cotangents(self, ends: Ends) -> tuple[Arrays, Arrays]:
        """Random directions in the space of the outputs, as either model lays them out."""
        rng = np.random.default_rng(self.seed + 1)
        mine = {name: np.asarray(rng.standard_normal(y.shape)) for name, y in ends.first.items() if y.dtype.kind == "f"}
        mine = {name: u for name, u in mine.items() if name in ends.names}
        if self.padding is not None:
            mine = {name: self.padding.without(u) for name, u in mine.items()}
        return mine, there(mine, ends.names)

    def run_both(self, mine: Ask, theirs: Ask) -> Both:
        """Forward, and backward from directions that are drawn for the outputs as they are expected to be; once more if
        they are otherwise. The seeds differ."""
        train, theirs = mine.train, replace(theirs, seed=AGAIN)
        ends = self.ends.get(train) or self.ends.get(not train) or self.expected
        while True:
            mine, theirs = (replace(ask, cotangents=u) for ask, u in zip((mine, theirs), self.cotangents(ends)))
            start = time.perf_counter()
            run = self.first.run(mine)
            took = time.perf_counter() - start
            other = self.second.run(theirs)
            both = Both((mine, theirs), (run, other), took)
            if train in self.ends:
                return both
            self.ends[train] = Ends.of(run.outputs, other.outputs, self.images)
            if self.ends[train].fits(ends) and self.ends[train].names == ends.names:
                return both
            ends = self.ends[train]

    def look_for_padding(self) -> None:
        """In evaluation mode, where nothing is drawn."""
        ask, _ = self.asks(self.random, False)
        if masks(ask.inputs):
            self.padding = padding(self.first, ask, self.first.run(ask).outputs)

    def rounding(self, dtype: str) -> str:
        """The dtype whose rounding counts: the coarser of the two models' own where none was asked for."""
        if dtype:
            return dtype
        kinds = {leaf.dtype for model in (self.first, self.second) for leaf in model.leaves} & set(ROUNDOFF)
        return max(kinds, key=lambda kind: ROUNDOFF[kind], default="float32")

    def keep(self, exact: Ask, run: Run) -> None:
        """The first model's run on the first rung: the last one is at the same point."""
        if not self.kept and not exact.train and exact.dtype == self.dtype:
            self.kept = exact, run, []

    def around(self, exact: Ask, run: Run | None, took: float) -> tuple[Run, list[Run]]:
        """The first model's run in the dtype in which semantics are judged, and runs nearby."""
        kept = self.kept
        if not (kept and kept[0].same(exact)):
            kept = exact, run or self.first.run(exact), []
        _, base, moved = kept
        if not moved:
            moved += self.nearby(exact, took)
        return base, moved

    def nearby(self, ask: Ask, took: float = 0.0, step: float = STEP) -> list[Run]:
        """The first model's runs at parameters and inputs moved a little: one where a run takes long [s]."""
        seeds = [self.seed + 10 * i for i in range(1, 2 if took > LONG else 3)]
        return [self.first.run(replace(nudged(ask, seed, step), seed=AGAIN)) for seed in seeds]


@dataclass
class Trail:
    """How a rung was run, so that it can be run again with everything recorded; states: the buffers afterwards."""

    first: Ask
    second: Ask
    states: tuple[Arrays, Arrays] = field(default_factory=lambda: ({}, {}))


def nudged(ask: Ask, seed: int, step: float) -> Ask:
    """The same run with parameters and inputs moved a little."""
    return replace(ask, values=nudge(ask.values, seed, step), inputs=nudge(ask.inputs, seed + 1, step))
