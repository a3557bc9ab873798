"""Buffers over several batches: what one batch leaves may be alike where what two leave is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from crosscheck.axes import Array
from crosscheck.models.model import Arrays, Ask
from crosscheck.twins.gaps import Noise, state_gaps
from crosscheck.twins.measure import Gap
from crosscheck.twins.twins import Trail, Twins

BATCHES = 2


def later(twins: Twins, trail: Trail) -> tuple[list[Gap], Trail]:
    """What differs after more batches, larger ones so that statistics move on, for which either model starts from the
    buffers that the last one left; and how the first batch was run after which something does."""
    models, asks, states = (twins.first, twins.second), (trail.first, trail.second), trail.states
    dtype = twins.rounding(trail.first.dtype)
    for _ in range(BATCHES):
        asks = (following(asks[0], states[0]), following(asks[1], states[1]))
        mine, theirs = (model.run(replace(ask, cotangents=None)) for model, ask in zip(models, asks))
        gaps = state_gaps(mine, theirs, Noise(mine), twins.pairing, dtype)
        if wrong := [gap for gap in gaps if not gap.agrees]:
            return wrong, Trail(*asks)
        states = mine.state, theirs.state
    return [], trail


def following(ask: Ask, state: Arrays) -> Ask:
    return replace(ask, values={**ask.values, **state}, inputs=larger(ask.inputs))


def larger(inputs: Mapping[str, Array]) -> Arrays:
    return {name: 1.5 * x if x.dtype.kind == "f" else x for name, x in inputs.items()}
