"""What two runs are compared by: outputs, gradients by parameters and inputs, buffers afterwards.

Noise is told from the first model's run `base` and from runs `moved` by a relative `step` from there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crosscheck.models.model import Arrays, Run
from crosscheck.pairing.links import Pairing
from crosscheck.twins.forced import back
from crosscheck.twins.measure import STEP, Gap, gap, noises
from crosscheck.twins.twins import Twins


def output_gaps(
    twins: Twins, train: bool, base: Run, run: Run, moved: list[Run], other: Run, dtype: str, step: float = STEP
) -> list[Gap]:
    """Outputs by name; one that only one model has is said so."""
    floor = noises(floats(base.outputs), [floats(m.outputs) for m in moved], dtype, step=step)
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


def padded_gaps(twins: Twins, train: bool, base: Run, run: Run, moved: list[Run], other: Run, dtype: str) -> list[Gap]:
    """Outputs that differ at padded positions."""
    if twins.padding is None:
        return []
    floor, theirs = (
        noises(floats(base.outputs), [floats(m.outputs) for m in moved], dtype),
        back(other.outputs, twins.names(train)),
    )
    both = {n: (y, theirs[n]) for n, y in run.outputs.items() if n in theirs and theirs[n].shape == y.shape}
    found = [
        gap("output", name, mine, twins.padding.apart(mine, there)[1], floor.get(name, 0.0))
        for name, (mine, there) in both.items()
        if twins.padding.covers(mine)
    ]
    return [gap for gap in found if not gap.agrees]


def floats(values: Arrays) -> Arrays:
    return {name: value for name, value in values.items() if value.dtype.kind in "fc"}


def gaps_of(
    twins: Twins, train: bool, base: Run, run: Run, moved: list[Run], other: Run, dtype: str, step: float = STEP
) -> list[Gap]:
    """Everything two runs can be compared by; noise is told from the first model's run `base` and those nearby."""
    found = output_gaps(twins, train, base, run, moved, other, dtype, step)
    if run.gradients:
        found += gradient_gaps(base, run, moved, other, twins.pairing, dtype, step)
    floor = noises(base.input_gradients, [m.input_gradients for m in moved], dtype, shared=True, step=step)
    for name, theirs in back(other.input_gradients, twins.input_names).items():
        if name in run.input_gradients:
            found.append(gap("input gradient", name, run.input_gradients[name], theirs, floor[name]))
    return found + state_gaps(base, run, moved, other, twins.pairing, dtype, step)


def gradient_gaps(
    base: Run, run: Run, moved: Sequence[Run], other: Run, pairing: Pairing, dtype: str, step: float = STEP
) -> list[Gap]:
    """Gradients by parameters, in the first model's layout."""
    linked = {link.first.path for link in pairing.links}

    def kept(gradients: Arrays) -> Arrays:
        return pairing.kept({path: value for path, value in gradients.items() if path in linked})

    mine, pulled = kept(run.gradients), pairing.pull(other.gradients)
    floor = noises(kept(base.gradients), [kept(m.gradients) for m in moved], dtype, shared=True, step=step)
    return [gap("gradient", path, mine[path], pulled[path], floor[path]) for path in mine if path in pulled]


def state_gaps(
    base: Run, run: Run, moved: Sequence[Run], other: Run, pairing: Pairing, dtype: str, step: float = STEP
) -> list[Gap]:
    """Buffers afterwards, in the first model's layout."""
    linked = {link.first.path for link in pairing.links}

    def kept(state: Arrays) -> Arrays:
        return {path: value for path, value in state.items() if path in linked and value.dtype.kind == "f"}

    mine, pulled = kept(run.state), pairing.pull(other.state)
    floor = noises(kept(base.state), [kept(m.state) for m in moved], dtype, step=step)
    return [gap("state", path, mine[path], pulled[path], floor[path]) for path in mine if path in pulled]
