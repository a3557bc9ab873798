"""The rungs that two models are taken through, and what is compared on each.

    eval      outputs in evaluation mode, and gradients of <cotangent, output> by parameters and inputs
    train     the same in training mode, and the buffers afterwards, and after BATCHES more
    given     as eval, at the weights that the first model came with
    precision outputs in the dtype the models have, in the noise of that dtype

The first three are in float64 where both models can be run in it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.inputs import Inputs
from crosscheck.models.model import Arrays, Ask, Model, Run
from crosscheck.pairing.links import Pairing
from crosscheck.twins.forced import Names, back, tensors, there
from crosscheck.twins.locate import gradient_gaps, state_gaps
from crosscheck.twins.measure import ROUNDOFF, STEP, Gap, gap, noises, rms
from crosscheck.twins.randomise import fresh
from crosscheck.twins.randomise import moved as nudge

LONG = 0.5
"""Seconds."""
BATCHES = 2
JUMP = 16.0
"""Noise units by which sound models are apart at most; by so many roundoffs a run is moved to see it jump."""


@dataclass
class Finding:
    """One rung: what was compared, or why it was not run. excused: it diverges only where a narrower dtype is kept."""

    rung: str
    gaps: list[Gap] = field(default_factory=list)
    reason: str = ""
    excused: bool = False

    @property
    def agrees(self) -> bool:
        return not self.reason and bool(self.gaps) and all(gap.agrees for gap in self.gaps)

    @property
    def diverges(self) -> bool:
        return any(not gap.agrees for gap in self.gaps)

    def worst(self) -> Gap | None:
        return max(self.gaps, key=lambda g: (not g.agrees, g.units), default=None)


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

    @cached_property
    def random(self) -> Arrays:
        """Fresh values for every leaf of the first model."""
        return fresh(self.first.leaves, self.first.values(), self.seed)

    def values(self, values: Mapping[str, Array]) -> tuple[Arrays, Arrays]:
        """The first's values, without what the second has no place for, and the second's that correspond to them."""
        kept = self.pairing.kept(values)
        return kept, self.pairing.carry(kept, self.second.values())

    def asks(self, values: Mapping[str, Array], train: bool, **more: object) -> tuple[Ask, Ask]:
        mine, theirs = self.values(values)
        dtype = str(more.pop("dtype", self.dtype))
        return (
            Ask(mine, self.inputs.first, train, dtype, **more),  # type: ignore[arg-type]
            Ask(theirs, self.inputs.second, train, dtype, **more),  # type: ignore[arg-type]
        )

    def cotangents(self, run: Run) -> tuple[Arrays, Arrays]:
        """Random directions in the space of the outputs, as either model lays them out."""
        rng = np.random.default_rng(self.seed + 1)
        mine = {
            name: np.asarray(rng.standard_normal(y.shape)) for name, y in run.outputs.items() if y.dtype.kind == "f"
        }
        mine = {name: u for name, u in mine.items() if name in self.outputs}
        return mine, there(mine, self.outputs)

    def run_once(self, mine: Ask, theirs: Ask) -> None:
        """With another seed than later on, so that what is drawn shows itself."""
        self.once[mine.train] = self.first.run(replace(mine, seed=1)), self.second.run(replace(theirs, seed=1))

    def match_outputs(self, run: Run, other: Run) -> None:
        self.outputs = tensors(run.outputs, other.outputs, self.images)


def nudged(ask: Ask, seed: int, step: float = STEP) -> Ask:
    """The same run with parameters and inputs moved a little."""
    return replace(ask, values=nudge(ask.values, seed, step), inputs=nudge(ask.inputs, seed + 1, step))


def output_gaps(twins: Twins, base: Run, run: Run, moved: list[Run], other: Run, dtype: str) -> list[Gap]:
    """Outputs by name; one that only one model has is said so."""
    floor = noises(floats(base.outputs), [floats(m.outputs) for m in moved], dtype)
    theirs, found = back(other.outputs, twins.outputs), []
    for name, value in run.outputs.items():
        if name in theirs:
            found.append(gap("output", name, value, theirs[name], floor.get(name, 0.0)))
        elif name in other.outputs:
            shapes = f"shapes differ: {value.shape} and {other.outputs[name].shape}"
            found.append(Gap("output", name, np.inf, np.inf, np.inf, problem=shapes))
        else:
            found.append(Gap("output", name, np.inf, np.inf, np.inf, problem="the second model has no such output"))
    alone = [name for name in other.outputs if name not in run.outputs and name not in taken(twins)]
    missing = "the first model has no such output"
    return found + [Gap("output", name, np.inf, np.inf, np.inf, problem=missing) for name in alone]


def taken(twins: Twins) -> set[str]:
    """The second's outputs that correspond to one of the first's."""
    return {name for name, _ in twins.outputs.values()}


def floats(values: Arrays) -> Arrays:
    return {name: value for name, value in values.items() if value.dtype.kind in "fc"}


def gaps_of(twins: Twins, base: Run, run: Run, moved: list[Run], other: Run, dtype: str) -> list[Gap]:
    """Everything two runs can be compared by; noise is told from the first model's run `base` and those nearby."""
    found = output_gaps(twins, base, run, moved, other, dtype)
    if run.gradients:
        found += gradient_gaps(base, run, moved, other, twins.pairing, dtype)
    floor = noises(base.input_gradients, [m.input_gradients for m in moved], dtype, shared=True)
    for name, theirs in back(other.input_gradients, twins.input_names).items():
        if name in run.input_gradients:
            found.append(gap("input gradient", name, run.input_gradients[name], theirs, floor[name]))
    return found + state_gaps(base, run, moved, other, twins.pairing, dtype)


@dataclass
class Trail:
    """How a rung was run, so that it can be run again with everything recorded."""

    first: Ask
    second: Ask


def rung(name: str, twins: Twins, values: Mapping[str, Array], train: bool, dtype: str) -> tuple[Finding, Trail | None]:
    """Run both models at the same point and compare whatever comes out."""
    finding = Finding(name)
    try:
        mine, theirs = twins.asks(values, train, dtype=dtype, cotangents={})
        if train not in twins.once or (train not in twins.steady and values is not twins.random):
            twins.run_once(mine, theirs)
        if not twins.outputs:
            twins.match_outputs(*twins.once[train])
        mine, theirs = (
            replace(ask, cotangents=u) for ask, u in zip((mine, theirs), twins.cotangents(twins.once[train][0]))
        )
        start = time.perf_counter()
        run = twins.first.run(mine)
        took = time.perf_counter() - start
        there_ = twins.second.run(theirs)
        if train not in twins.steady and (why := drawing(twins, (run, there_), (mine, theirs))):
            finding.reason = why
            return finding, None
        twins.steady.add(train)
        exact = replace(mine, dtype=twins.dtype)
        own = run if dtype == twins.dtype else None
        base, moved = around(twins, exact, own, took) if twins.dtype else (run, [])
    except Exception as error:
        finding.reason = f"raised {type(error).__name__}: {str(error)[:300]}"
        return finding, None
    finding.gaps = gaps_of(twins, base, run, moved, there_, roundoff(twins, dtype))
    return finding, Trail(mine, theirs)


def roundoff(twins: Twins, dtype: str) -> str:
    """The dtype whose rounding counts: the coarser of the two models' own where none was asked for."""
    if dtype:
        return dtype
    kinds = {leaf.dtype for model in (twins.first, twins.second) for leaf in model.leaves} & set(ROUNDOFF)
    return max(kinds, key=lambda kind: ROUNDOFF[kind], default="float32")


def around(twins: Twins, exact: Ask, run: Run | None, took: float) -> tuple[Run, list[Run]]:
    """The first model's run in the dtype in which semantics are judged, and runs nearby. Those of the first rung are
    kept: the last one is at the same point."""
    if twins.kept and is_same(twins.kept[0], exact):
        return twins.kept[1:]
    base = run or twins.first.run(exact)
    moved = nearby(twins, exact, took)
    if not exact.train and not twins.kept:
        twins.kept = exact, base, moved
    return base, moved


def nearby(twins: Twins, ask: Ask, took: float) -> list[Run]:
    """The first model's runs at parameters and inputs moved a little: one where a run takes long."""
    return [twins.first.run(nudged(ask, twins.seed + 10 * i)) for i in range(1, 2 if took > LONG else 3)]


def is_same(one: Ask, other: Ask) -> bool:
    """Whether two runs are at the same point."""
    alike = all(np.array_equal(one.values[path], other.values[path]) for path in one.values)
    return alike and (one.train, one.dtype) == (other.train, other.dtype)


def drawing(twins: Twins, again: Sequence[Run], asks: Sequence[Ask]) -> str:
    """Why a mode cannot be compared, or "": a model that gives something else when it is run again."""
    models, once = (twins.first, twins.second), twins.once[asks[0].train]
    for model, run, other, ask, which in zip(models, once, again, asks, ("first", "second")):
        changed = [name for name, y in run.outputs.items() if not near(y, other.outputs[name])]
        if changed or model.draws(ask):
            mode = "training" if ask.train else "evaluation"
            return f"set aside: in {mode} mode the {which} model draws random numbers that cannot be shared"
    return ""


def near(a: Array, b: Array) -> bool:
    """Equal, but for the order in which a GPU adds."""
    return a.shape == b.shape and (a.dtype.kind not in "fc" or np.allclose(a, b, 1e-3, 1e-3 * rms(b), equal_nan=True))


def evaluation(twins: Twins) -> tuple[Finding, Trail | None]:
    return rung("eval", twins, twins.random, False, twins.dtype)


def training(twins: Twins) -> tuple[Finding, Trail | None]:
    finding, trail = rung("train", twins, twins.random, True, twins.dtype)
    moving = any(leaf.dtype in ROUNDOFF and not leaf.trainable for leaf in twins.first.leaves)
    return (finding, later(twins, finding, trail)) if trail and moving and finding.agrees else (finding, trail)


def later(twins: Twins, finding: Finding, trail: Trail) -> Trail:
    """More batches, larger ones so that statistics move on, for which either model starts from the buffers that the
    last one left. Returns the trail of the first batch after which they differ, or the one before all."""
    models, asks = (twins.first, twins.second), [replace(ask, cotangents={}) for ask in (trail.first, trail.second)]
    for batch in range(1 + BATCHES):
        runs = [model.run(ask) for model, ask in zip(models, asks)]
        gaps = state_gaps(runs[0], runs[0], [], runs[1], twins.pairing, roundoff(twins, trail.first.dtype))
        if batch and (wrong := [gap for gap in gaps if not gap.agrees]):
            finding.gaps += wrong
            cotangents = trail.first.cotangents, trail.second.cotangents
            return Trail(*(replace(ask, cotangents=u) for ask, u in zip(asks, cotangents)))
        asks = [replace(ask, values={**ask.values, **run.state}, inputs=larger(ask)) for ask, run in zip(asks, runs)]
    return trail


def larger(ask: Ask) -> Arrays:
    return {name: 1.5 * x if x.dtype.kind == "f" else x for name, x in ask.inputs.items()}


def at_given(twins: Twins) -> tuple[Finding, Trail | None]:
    return rung("given", twins, twins.first.values(), False, twins.dtype)


def precision(twins: Twins) -> tuple[Finding, Trail | None]:
    finding, trail = rung("precision", twins, twins.random, False, "")
    if trail is not None and finding.diverges:
        finding.gaps = beside_jumps(twins, trail.first, finding.gaps)
    return finding, trail


def beside_jumps(twins: Twins, ask: Ask, gaps: Sequence[Gap]) -> list[Gap]:
    """What differs judged once more, now by how far the first model's own run jumps when parameters and inputs are
    moved by what its dtype resolves: in a deep net some relu flips, of which a small step in float64 shows nothing."""
    base = twins.first.run(ask)
    step = JUMP * ROUNDOFF[roundoff(twins, "")]
    runs = [twins.first.run(nudged(ask, twins.seed + 10 * i, step)) for i in (1, 2)]
    sides = {
        "output": "outputs",
        "gradient": "gradients",
        "input gradient": "input_gradients",
        "state": "state",
    }

    def judged(gap: Gap) -> Gap:
        value = getattr(base, sides[gap.kind]).get(gap.path)
        if gap.agrees or gap.problem or value is None:
            return gap
        jump = max(rms(getattr(run, sides[gap.kind])[gap.path].astype(np.float64) - value) for run in runs)
        return replace(gap, units=min(gap.units, JUMP * gap.relative * rms(value) / jump)) if jump else gap

    return [judged(gap) for gap in gaps]


RUNGS = {"eval": evaluation, "train": training, "given": at_given, "precision": precision}
