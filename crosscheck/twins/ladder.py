"""The rungs that two models are taken through, and what is compared on each.

    eval      outputs in evaluation mode, and gradients of <cotangent, output> by parameters and inputs
    train     the same in training mode, and the buffers afterwards, and after more batches
    given     as eval, at the weights that the first model came with
    precision outputs in the dtype the models have, in the noise of that dtype

The first three are in float64 where both models can be run in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.model import Ask, Model, Run
from crosscheck.twins.batches import later
from crosscheck.twins.gaps import Noise, gaps_of, padded_gaps, seen_from_first
from crosscheck.twins.measure import ROUNDOFF, Gap, rms
from crosscheck.twins.twins import AGAIN, Both, Trail, Twins, nudged

JUMP, CANCELS, ROUNDED = 16.0, 2.0**-50, 1e-8
"""Noise units by which sound models are apart at most: by so many roundoffs a run is moved to see it jump. By how much
to see what its own formulas cancel, and the relative difference that this may make."""


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
        gaps, noise = judged(twins, both)
        padded = padded_gaps(twins, both, noise)
        if train not in twins.steady:
            finding.reason = drawing(twins, both, noise, agree(gaps))
            if finding.reason:
                return finding, None
        twins.steady.add(train)
    except Exception as error:
        finding.reason = f"raised {type(error).__name__}: {str(error)[:300]}"
        return finding, None
    if agree(gaps) and all(map(shows_nothing, both.runs)):
        finding.reason = "set aside: nothing but zeros comes out and comes back, which shows nothing; try another seed"
        return finding, None
    finding.gaps, finding.padded = gaps, padded
    return finding, Trail(*both.asks, (both.runs[0].state, both.runs[1].state))


def shows_nothing(run: Run) -> bool:
    """Whether outputs are zero and no gradient comes back, as behind relus that are all dead."""
    values = [y for y in (*run.outputs.values(), *run.gradients.values(), *run.input_gradients.values()) if y.size]
    return bool(values) and not any(y.dtype.kind not in "fc" or y.any() for y in values)


def judged(twins: Twins, both: Both) -> tuple[list[Gap], Noise]:
    """Everything compared, beside as much noise as is needed for it to agree, or all there is; and the last noise."""
    found: list[Gap] = []
    for noise in noises_of(twins, both):
        found = lesser(found, gaps_of(twins, both, noise))
        if agree(found):
            return found, noise
    if both.asks[0].dtype == "float64" and all(small(gap) for gap in found):
        for own in own_noises(twins, both):
            found = lesser(found, gaps_of(twins, both, own))
    return found, noise


def lesser(found: Sequence[Gap], others: Sequence[Gap]) -> list[Gap]:
    return [min(pair, key=lambda gap: gap.units) for pair in zip(found or others, others)]


def small(gap: Gap) -> bool:
    """Whether rounding may be all that a gap is, of whatever formula."""
    return gap.agrees or (not gap.problem and gap.relative < ROUNDED)


def noises_of(twins: Twins, both: Both) -> Iterator[Noise]:
    """The least first: the rounding of what is compared itself. In the models' own dtype how far the first one jumps
    when it is moved by what sound models are apart: in a deep net some relu flips, of which a small step in float64
    shows nothing. Then what rounding does to this computation."""
    mine, run = both.asks[0], both.runs[0]
    twins.keep(mine, run)
    yield Noise(run)
    if not mine.dtype:
        step = JUMP * ROUNDOFF[twins.rounding("")]
        yield Noise(run, twins.nearby(mine, step=step), step)
    if twins.dtype:
        exact = replace(mine, dtype=twins.dtype)
        yield Noise(*twins.around(exact, run if mine.dtype == twins.dtype else None, both.took))


def own_noises(twins: Twins, both: Both) -> Iterator[Noise]:
    """What rounding does to either model's own formulas, which may cancel (a batch norm over two values, a variance as
    a difference of means): it is moved by so little that nothing else shows."""
    for place, model in enumerate((twins.first, twins.second)):
        ask, run = both.asks[place], both.runs[place]
        runs = [run, *(model.run(nudged(ask, twins.seed + i, CANCELS)) for i in (1, 2))]
        base, *moved = (seen_from_first(twins, ask.train, each) for each in runs) if place else runs
        yield Noise(base, moved, CANCELS)


def agree(gaps: Sequence[Gap]) -> bool:
    return all(gap.agrees for gap in gaps)


def drawing(twins: Twins, both: Both, noise: Noise, alike: bool) -> str:
    """Why a mode cannot be compared, or "": a model that gives something else when it is run with another seed. If the
    two are alike, whose seeds differ, neither does. The first may have been run nearby with another one."""
    mine, theirs = both.asks
    steady = alike or any(same(noise.base, run) for run in noise.moved) or again(twins.first, mine, both.runs[0], AGAIN)
    if not steady or twins.first.draws(mine):
        return drawn("first", mine)
    steady = alike or again(twins.second, theirs, both.runs[1], mine.seed)
    if not steady or twins.second.draws(theirs):
        return drawn("second", theirs)
    return ""


def again(model: Model, ask: Ask, run: Run, seed: int) -> bool:
    """Whether a model gives the same with another seed."""
    return same(run, model.run(replace(ask, seed=seed)))


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
