"""Places that keep a narrower dtype inside although the model runs in float64 (a softmax, statistics, tables).

Told by their response: what a place makes of inputs moved by t and by 2t lies on a line if it computes in float64, and
jumps or stays where it is if something in it is rounded more coarsely. Such a place is judged by float32's rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.model import Arrays, Ask, Forced, Model
from crosscheck.twins.measure import LIMIT, ROUNDOFF

STEP = 2.0**-36
BENT = 0.05
"""A response that departs from a line by more than this share of itself is not float64's."""


def coarse_places(twins: Any, scene: Any, found: Sequence[Any]) -> dict[Any, str]:
    """For each divergence that float32's rounding could make, and that is at a coarse place: which side is coarse."""
    small = [d for d in found if 0 < d.gap.units * ROUNDOFF["float64"] / ROUNDOFF["float32"] <= LIMIT]
    if not small:
        return {}
    mine = {m.unit.first: force_of(m.first) for m in scene.matches if m.unit.first}
    bent = bent_calls(twins.first, replace(scene.asks[0], cotangents=None), mine)
    bent_there = bent_calls(twins.second, replace(scene.asks[1], cotangents=None), scene.forces)
    reasons = {}
    for d in small:
        sides = [
            name for name, at in (("first", bent & keys_of(d, True)), ("second", bent_there & keys_of(d, False))) if at
        ]
        if sides:
            reasons[d] = f"the {' and the '.join(sides)} model keeps a narrower dtype here; alike to its rounding"
    return reasons


def force_of(call: Any) -> Forced:
    return Forced(call.inputs, call.outputs, {}, {})


def keys_of(divergence: Any, first: bool) -> set[str]:
    """The calls at which the response shows: the unit itself; for wiring what it leads to, or the module it is in."""
    match = divergence.match
    own = (match.unit.first if first else match.unit.second) if match else ""
    return {own, divergence.before if first else "", divergence.first if first else divergence.second}


def bent_calls(model: Model, ask: Ask, forced: Mapping[str, Forced]) -> set[str]:
    """The calls whose incoming or outgoing tensors do not answer a small move along a line."""
    rng = np.random.default_rng(0)
    ways = {key: direction(rng, force) for key, force in forced.items()}
    inputs = {name: way(rng, value) for name, value in ask.inputs.items()}
    values = {name: way(rng, value) for name, value in ask.values.items()}
    runs = [
        model.run(
            replace(
                ask,
                trace=True,
                forced={key: shifted(force, ways[key], t) for key, force in forced.items()},
                inputs={name: shift(value, inputs[name], t) for name, value in ask.inputs.items()},
                values={name: shift(value, values[name], t) for name, value in ask.values.items()},
            )
        )
        for t in (0.0, STEP, 2 * STEP)
    ]
    return {calls[0].key for calls in zip(*(run.calls for run in runs)) if any(map(bent, *map(tensors_of, calls)))}


def direction(rng: np.random.Generator, force: Forced) -> tuple[Arrays, Arrays]:
    return ({n: way(rng, v) for n, v in force.inputs.items()}, {n: way(rng, v) for n, v in force.outputs.items()})


def way(rng: np.random.Generator, value: Array) -> Array:
    if value.dtype.kind != "f":
        return np.zeros_like(value)
    return np.asarray(rng.standard_normal(value.shape) * np.sqrt(np.mean(np.square(value), dtype=np.float64)))


def shift(value: Array, along: Array, t: float) -> Array:
    return value if value.dtype.kind != "f" else value + t * along


def shifted(force: Forced, along: tuple[Arrays, Arrays], t: float) -> Forced:
    inputs = {name: shift(value, along[0][name], t) for name, value in force.inputs.items()}
    outputs = {name: shift(value, along[1][name], t) for name, value in force.outputs.items()}
    return Forced(inputs, outputs, {}, {})


def tensors_of(call: Any) -> list[Array]:
    return [value for side in (call.inputs, call.outputs) for value in side.values() if value.dtype.kind == "f"]


def bent(at: Array, once: Array, twice: Array) -> bool:
    """Off a line, or not moved at all."""
    return bool(np.linalg.norm(twice - 2 * once + at) >= BENT * np.linalg.norm(once - at))
