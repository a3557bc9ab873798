"""Two models that are run alike: at the same values, in the same mode, and nearby, where noise shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.inputs import Inputs
from crosscheck.models.model import Arrays, Ask, Model, Run
from crosscheck.pairing.links import Pairing
from crosscheck.twins.forced import Names, tensors, there
from crosscheck.twins.measure import ROUNDOFF, STEP
from crosscheck.twins.padding import Padding, masks, padding
from crosscheck.twins.randomise import fresh
from crosscheck.twins.randomise import moved as nudge

LONG = 0.5
"""Seconds."""


@dataclass
class Twins:
    """Two opened models with everything that lets them be run alike."""

    first: Model
    second: Model
    inputs: Inputs
    pairing: Pairing
    seed: int
    images: bool = False
    dtype: str = "float64"
    input_names: Names = field(default_factory=dict)
    outputs: Names = field(default_factory=dict)
    kept: tuple[Ask, Run, list[Run]] | tuple[()] = ()
    once: dict[bool, tuple[Run, Run]] = field(default_factory=dict)
    """Both models' first run in evaluation (False) and in training mode; until both are steady at `random`."""
    steady: set[bool] = field(default_factory=set)
    """Modes in which both are known to give the same again."""
    narrow: bool = False
    """Whether either model was found to keep float32 somewhere; from then on float32's rounding is no divergence."""
    padding: Padding | None = None

    @cached_property
    def random(self) -> Arrays:
        """Fresh values for every leaf of the first model."""
        return fresh(self.first.leaves, self.first.values(), self.seed)

    def values(self, values: Mapping[str, Array]) -> tuple[Arrays, Arrays]:
        """The first's values, without what the second has no place for, and the second's that correspond to them."""
        kept = self.pairing.kept(values)
        return kept, self.pairing.carry(kept, self.second.values())

    def asks(self, values: Mapping[str, Array], train: bool, **more: Any) -> tuple[Ask, Ask]:
        mine, theirs = self.values(values)
        more.setdefault("dtype", self.dtype)
        return Ask(mine, self.inputs.first, train, **more), Ask(theirs, self.inputs.second, train, **more)

    def cotangents(self, run: Run) -> tuple[Arrays, Arrays]:
        """Random directions in the space of the outputs, as either model lays them out."""
        rng = np.random.default_rng(self.seed + 1)
        mine = {
            name: np.asarray(rng.standard_normal(y.shape)) for name, y in run.outputs.items() if y.dtype.kind == "f"
        }
        mine = {name: u for name, u in mine.items() if name in self.outputs}
        if self.padding is not None:
            mine = {name: self.padding.without(u) for name, u in mine.items()}
        return mine, there(mine, self.outputs)

    def run_once(self, mine: Ask, theirs: Ask) -> None:
        """With another seed than later on, so that what is drawn shows itself."""
        self.once[mine.train] = self.first.run(replace(mine, seed=1)), self.second.run(replace(theirs, seed=1))

    def match_outputs(self, run: Run, other: Run) -> None:
        self.outputs = tensors(run.outputs, other.outputs, self.images)

    def look_for_padding(self, ask: Ask) -> None:
        """In evaluation mode, where nothing is drawn."""
        ask = replace(ask, train=False)
        if masks(ask.inputs):
            self.padding = padding(self.first, ask, self.first.run(ask).outputs)

    def rounding(self, dtype: str) -> str:
        """The dtype whose rounding counts: the coarser of the two models' own where none was asked for."""
        if dtype:
            return dtype
        kinds = {leaf.dtype for model in (self.first, self.second) for leaf in model.leaves} & set(ROUNDOFF)
        return max(kinds, key=lambda kind: ROUNDOFF[kind], default="float32")

    def around(self, exact: Ask, run: Run | None, took: float) -> tuple[Run, list[Run]]:
        """The first model's run in the dtype in which semantics are judged, and runs nearby. Those of the first rung
        are kept: the last one is at the same point."""
        if self.kept and is_same(self.kept[0], exact):
            return self.kept[1:]
        base = run or self.first.run(exact)
        moved = self.nearby(exact, took)
        if not exact.train and not self.kept:
            self.kept = exact, base, moved
        return base, moved

    def nearby(self, ask: Ask, took: float = 0.0, step: float = STEP) -> list[Run]:
        """The first model's runs at parameters and inputs moved a little: one where a run takes long [s]."""
        seeds = [self.seed + 10 * i for i in range(1, 2 if took > LONG else 3)]
        return [self.first.run(nudged(ask, seed, step)) for seed in seeds]


@dataclass
class Trail:
    """How a rung was run, so that it can be run again with everything recorded; states: the buffers afterwards."""

    first: Ask
    second: Ask
    states: tuple[Arrays, Arrays] = field(default_factory=lambda: ({}, {}))


def nudged(ask: Ask, seed: int, step: float) -> Ask:
    """The same run with parameters and inputs moved a little."""
    return replace(ask, values=nudge(ask.values, seed, step), inputs=nudge(ask.inputs, seed + 1, step))


def is_same(one: Ask, other: Ask) -> bool:
    """Whether two runs are at the same point."""
    alike = all(np.array_equal(one.values[path], other.values[path]) for path in one.values)
    return alike and (one.train, one.dtype) == (other.train, other.dtype)
