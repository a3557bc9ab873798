"""The rungs that two models are taken through, and what is compared on each.

    eval      outputs in evaluation mode, and gradients of <cotangent, output> by parameters and inputs
    train     the same in training mode, and the buffers afterwards, and after more batches
    given     as eval, at the weights that the first model came with
    precision outputs in the dtype the models have, in the noise of that dtype

The first three are in float64 where both models can be run in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.model import Ask, Run
from crosscheck.twins.batches import later
from crosscheck.twins.gaps import gaps_of, padded_gaps
from crosscheck.twins.measure import ROUNDOFF, Gap, rms
from crosscheck.twins.twins import AGAIN, Both, Trail, Twins

JUMP = 16.0
"""Noise units by which sound models are apart at most; by so many roundoffs a run is moved to see it jump."""


@dataclass
class Finding:
    """One rung: what was compared, or why it was not run. excused: it diverges only where a narrower dtype is kept.
    padded: outputs that differ at padded positions, which is no divergence."""

    rung: str
    gaps: list[Gap] = field(default_factory=list)
    reason: str = ""
    excused: bool = False
    padded: list[Gap] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        return not self.reason and bool(self.gaps) and all(gap.agrees for gap in self.gaps)

    @property
    def diverges(self) -> bool:
        return any(not gap.agrees for gap in self.gaps)

    def worst(self) -> Gap | None:
        return max(self.gaps, key=lambda g: (not g.agrees, g.units), default=None)


def rung(name: str, twins: Twins, values: Mapping[str, Array], train: bool, dtype: str) -> tuple[Finding, Trail | None]:
    """Run both models at the same point and compare whatever comes out."""
    finding = Finding(name)
    try:
        begun, twins.begun = twins.begun, None
        first_time = not train and values is twins.random and dtype == twins.dtype
        both = begun if begun and first_time else twins.run_both(*twins.asks(values, train, dtype=dtype))
        (mine, theirs), (run, other) = both.asks, both.runs
        exact = replace(mine, dtype=twins.dtype)
        own = run if dtype == twins.dtype else None
        base, moved = twins.around(exact, own, both.took) if twins.dtype else (run, [])
        compared = twins, train, base, run, moved, other, twins.rounding(dtype)
        gaps, padded = gaps_of(*compared), padded_gaps(*compared)
        if train not in twins.steady:
            agree = all(gap.agrees for gap in gaps)
            finding.reason = drawing(twins, both, replace(exact, seed=AGAIN), base, moved, agree)
            if finding.reason:
                return finding, None
        twins.steady.add(train)
    except Exception as error:
        finding.reason = f"raised {type(error).__name__}: {str(error)[:300]}"
        return finding, None
    finding.gaps, finding.padded = gaps, padded
    if not dtype and finding.diverges:
        finding.gaps = beside_jumps(twins, mine, run, other, finding.gaps)
    return finding, Trail(mine, theirs, (run.state, other.state))


def beside_jumps(twins: Twins, ask: Ask, run: Run, other: Run, gaps: Sequence[Gap]) -> list[Gap]:
    """What differs in the models' own dtype judged once more, by how far the first model jumps when it is moved by what
    sound models are apart: in a deep net some relu flips, of which a small step in float64 shows nothing."""
    dtype = twins.rounding("")
    step = JUMP * ROUNDOFF[dtype]
    jumping = gaps_of(twins, ask.train, run, run, twins.nearby(ask, step=step), other, dtype, step)
    return [min(pair, key=lambda gap: gap.units) for pair in zip(gaps, jumping)]


def drawing(twins: Twins, both: Both, again: Ask, base: Run, moved: Sequence[Run], agree: bool) -> str:
    """Why a mode cannot be compared, or "": a model that gives something else when it is run again. The first was run
    nearby, with another seed (`again`, from `base`); the second is run again only if the two do not agree."""
    steady = any(same(base, run) for run in moved) or same(base, twins.first.run(again))
    if not steady or twins.first.draws(both.asks[0]):
        return drawn("first", again)
    steady = agree or same(both.runs[1], twins.second.run(replace(both.asks[1], seed=AGAIN)))
    if not steady or twins.second.draws(both.asks[1]):
        return drawn("second", again)
    return ""


def drawn(which: str, ask: Ask) -> str:
    mode = "training" if ask.train else "evaluation"
    return f"set aside: in {mode} mode the {which} model draws random numbers that cannot be shared"


def same(run: Run, other: Run) -> bool:
    """Whether the outputs are the same, but for rounding."""
    return all(name in other.outputs and near(y, other.outputs[name]) for name, y in run.outputs.items())


def near(a: Array, b: Array) -> bool:
    """Equal, but for the order in which a GPU adds."""
    return a.shape == b.shape and (a.dtype.kind not in "fc" or np.allclose(a, b, 1e-3, 1e-3 * rms(b), equal_nan=True))


def evaluation(twins: Twins) -> tuple[Finding, Trail | None]:
    return rung("eval", twins, twins.random, False, twins.dtype)


def training(twins: Twins) -> tuple[Finding, Trail | None]:
    finding, trail = rung("train", twins, twins.random, True, twins.dtype)
    moving = any(leaf.dtype in ROUNDOFF and not leaf.trainable for leaf in twins.first.leaves)
    if trail and moving and finding.agrees:
        wrong, trail = later(twins, trail)
        finding.gaps += wrong
    return finding, trail


def at_given(twins: Twins) -> tuple[Finding, Trail | None]:
    return rung("given", twins, twins.first.values(), False, twins.dtype)


def precision(twins: Twins) -> tuple[Finding, Trail | None]:
    return rung("precision", twins, twins.random, False, "")


RUNGS = {"eval": evaluation, "train": training, "given": at_given, "precision": precision}
