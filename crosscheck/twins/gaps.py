"""What two runs are compared by: outputs, gradients by parameters and inputs, buffers afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.model import Arrays, Run
from crosscheck.pairing.links import Pairing
from crosscheck.twins.forced import back
from crosscheck.twins.measure import STEP, Gap, gap, noises
from crosscheck.twins.twins import Both, Twins


@dataclass(frozen=True)
class Noise:
    """What noise is told from: a run of the first model, and runs of it nearby, moved by a relative step."""

    base: Run
    moved: Sequence[Run] = ()
    step: float = STEP

    def of(self, side: Callable[[Run], Mapping[str, Array]], dtype: str, shared: bool = False) -> dict[str, float]:
        return noises(side(self.base), [side(run) for run in self.moved], dtype, shared, self.step)


def seen_from_first(twins: Twins, train: bool, other: Run) -> Run:
    """What a run of the second model shows, under the first's names and in its layout."""
    return Run(
        back(other.outputs, twins.names(train)),
        twins.pairing.pull(other.gradients),
        back(other.input_gradients, twins.input_names),
        twins.pairing.pull(other.state),
    )


def gaps_of(twins: Twins, both: Both, noise: Noise) -> list[Gap]:
    """Everything two runs can be compared by."""
    ask, (run, other) = both.asks[0], both.runs
    dtype = twins.rounding(ask.dtype)
    found = output_gaps(twins, ask.train, run, other, noise, dtype)
    if run.gradients:
        found += gradient_gaps(run, other, noise, twins.pairing, dtype)
    floor = noise.of(lambda run: run.input_gradients, dtype, shared=True)
    for name, theirs in back(other.input_gradients, twins.input_names).items():
        if name in run.input_gradients:
            found.append(gap("input gradient", name, run.input_gradients[name], theirs, floor[name]))
    return found + state_gaps(run, other, noise, twins.pairing, dtype)


def output_gaps(twins: Twins, train: bool, run: Run, other: Run, noise: Noise, dtype: str) -> list[Gap]:
    """Outputs by name; one that only one model has is said so."""
    floor = noise.of(outputs, dtype)
    names, found = twins.names(train), []
    theirs, taken = back(other.outputs, names), {name for name, _ in names.values()}
    for name, value in run.outputs.items():
        if name in theirs:
            there = theirs[name]
            if twins.padding is not None and twins.padding.covers(value) and there.shape == value.shape:
                there, _ = twins.padding.apart(value, there)
            found.append(gap("output", name, value, there, floor.get(name, 0.0)))
        elif name in other.outputs:
            shapes = f"shapes differ: {value.shape} and {other.outputs[name].shape}"
            found.append(Gap("output", name, np.inf, np.inf, np.inf, problem=shapes))
        else:
            found.append(Gap("output", name, np.inf, np.inf, np.inf, problem="the second model has no such output"))
    alone = [name for name in other.outputs if name not in run.outputs and name not in taken]
    missing = "the first model has no such output"
    return found + [Gap("output", name, np.inf, np.inf, np.inf, problem=missing) for name in alone]


def padded_gaps(twins: Twins, both: Both, noise: Noise) -> list[Gap]:
    """Outputs that differ at padded positions."""
    if twins.padding is None:
        return []
    ask, (run, other) = both.asks[0], both.runs
    floor, theirs = noise.of(outputs, twins.rounding(ask.dtype)), back(other.outputs, twins.names(ask.train))
    pairs = {n: (y, theirs[n]) for n, y in run.outputs.items() if n in theirs and theirs[n].shape == y.shape}
    found = [
        gap("output", name, mine, twins.padding.apart(mine, there)[1], floor.get(name, 0.0))
        for name, (mine, there) in pairs.items()
        if twins.padding.covers(mine)
    ]
    return [gap for gap in found if not gap.agrees]


def outputs(run: Run) -> Arrays:
    return {name: value for name, value in run.outputs.items() if value.dtype.kind in "fc"}


def gradient_gaps(run: Run, other: Run, noise: Noise, pairing: Pairing, dtype: str) -> list[Gap]:
    """Gradients by parameters, in the first model's layout."""
    linked = {link.first.path for link in pairing.links}

    def kept(run: Run) -> Arrays:
        return pairing.kept({path: value for path, value in run.gradients.items() if path in linked})

    mine, pulled, floor = kept(run), pairing.pull(other.gradients), noise.of(kept, dtype, shared=True)
    return [gap("gradient", path, mine[path], pulled[path], floor[path]) for path in mine if path in pulled]


def state_gaps(run: Run, other: Run, noise: Noise, pairing: Pairing, dtype: str) -> list[Gap]:
    """Buffers afterwards, in the first model's layout."""
    linked = {link.first.path for link in pairing.links}

    def kept(run: Run) -> Arrays:
        return {path: value for path, value in run.state.items() if path in linked and value.dtype.kind == "f"}

    mine, pulled, floor = kept(run), pairing.pull(other.state), noise.of(kept, dtype)
    return [gap("state", path, mine[path], pulled[path], floor[path]) for path in mine if path in pulled]
