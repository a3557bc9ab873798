"""Places that keep a narrower dtype inside although the model runs in float64 (a softmax, statistics, tables).

Told by the dtypes of what was recorded, and by their response: what a place makes of inputs moved by t and by 2t lies
on a line if it computes in float64, and jumps or stays where it is if something in it is rounded more coarsely. Such a
place is judged by float32's rounding. So is a constant factor that is 1 to float32's rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from zlib import crc32

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.model import Ask, Forced, Made, Model, Run
from crosscheck.twins.measure import ROUNDOFF, within_float32

STEP = 2.0**-26
"""A quarter of what float32 resolves: large enough that something inside jumps, if it is in float32."""
EXACT = 1e-3
"""What a factor leaves of a difference that it explains."""
BENT = 0.05
"""A response that departs from a line by more than this share of itself is not float64's."""


def coarse_places(twins: Any, scene: Any, found: Sequence[Any]) -> dict[Any, str]:
    """For each divergence that float32's rounding could make, and that is at a coarse place: which side is coarse."""
    small = [d for d in found if d.gap.units and within_float32(d.gap)]
    if not small:
        return {}
    mine = {m.unit.first: force_of(m.first) for m in scene.matches if m.unit.first}
    bent = bent_calls(twins.first, scene.asks[0], mine, scene.run) | narrow(scene.run)
    bent_there = bent_calls(twins.second, scene.asks[1], scene.forces, scene.forced) | narrow(scene.forced)
    there = {m.unit.first: m.unit.second for m in scene.matches}
    reasons = {}
    for d in small:
        if how := narrow_constant(twins, scene, d):
            reasons[d] = f"one model has a constant here in a narrower dtype: {how}"
            continue
        keys = keys_of(d)
        places = ("first", bent & keys), ("second", bent_there & {there.get(key, key) for key in keys})
        sides = [name for name, at in places if at]
        if sides:
            reasons[d] = f"the {' and the '.join(sides)} model keeps a narrower dtype here; alike to its rounding"
    return reasons


def narrow_constant(twins: Any, scene: Any, divergence: Any) -> str:
    """How the sides differ, if it is by a factor that is 1 to float32's rounding, of the whole or of one term of a sum;
    "" if it is not."""
    from crosscheck.causes.scenes import sites

    for site in sites(twins, scene, divergence)[:1]:
        if site.first.shape != site.second.shape:
            continue
        difference = site.second - site.first
        if not np.linalg.norm(difference) <= 2 * ROUNDOFF["float32"] * np.linalg.norm(site.first):
            continue
        if more := along(difference, site.first):
            return f"the second is {1 + more:.9g} times the first"
        terms = (x for x in (*site.inputs, *site.given, *site.cotangents) if x.shape == site.first.shape)
        if any(along(difference, term) for term in terms):
            return "they differ by a small multiple of one term"
    return ""


def along(difference: Array, x: Array, left: float = EXACT) -> float:
    """How many times x a difference is; 0 if that leaves more of it than this share."""
    d, x = difference.ravel(), np.asarray(x, np.float64).ravel()
    factor = float(np.vdot(x, d) / np.vdot(x, x)) if x.any() else 0.0
    return factor if np.linalg.norm(d - factor * x) <= left * np.linalg.norm(d) else 0.0


def force_of(call: Any) -> Forced:
    return Forced(call.inputs, call.outputs, {}, {})


def keys_of(divergence: Any) -> set[str]:
    """The first model's calls at which it shows: the unit itself; for wiring where it begins and ends, or the module
    it is in."""
    match = divergence.match
    ends = {divergence.before} | ({divergence.after} if divergence.direction == "backward" else set())
    parts = divergence.first.split(".")
    around = {".".join(parts[:i]) for i in range(1, len(parts) + 1)} if match is None else {divergence.first}
    return {match.unit.first if match else "", *around, *(ends if divergence.wiring else ())}


def narrow(run: Any) -> set[str]:
    """The calls of a run in float64 that have anything in a narrower dtype."""
    sides = ("inputs", "outputs", "cotangents", "input_cotangents")
    return {
        call.key
        for call in run.calls
        if any(x.dtype.kind == "f" and x.dtype.itemsize < 8 for side in sides for x in getattr(call, side).values())
    }


def bent_calls(model: Model, ask: Ask, forced: Mapping[str, Forced], at: Run) -> set[str]:
    """The calls whose incoming or outgoing tensors do not answer a small move along a line from what a run showed that
    was `forced` so."""
    runs = [
        model.run(
            replace(
                ask,
                cotangents=None,
                trace=True,
                forced={key: shifted(key, force, t) for key, force in forced.items()},
                inputs=shifts("inputs", ask.inputs, t),
                values=shifts("values", ask.values, t),
            )
        )
        for t in (STEP, 2 * STEP)
    ]
    calls = zip(at.calls, *(run.calls for run in runs))
    return {once[0].key for once in calls if any(map(bent, *map(tensors_of, once)))}


def shifted(key: str, force: Forced, t: float) -> Forced:
    return Forced(shifts(f"{key} takes", force.inputs, t), shifts(f"{key} gives", force.outputs, t), {}, {})


def shifts(what: str, values: Mapping[str, Array], t: float) -> Mapping[str, Array]:
    """What is moved by t along a direction of its own, the same for every t."""
    return Made(values, lambda name: shift(values[name], crc32(f"{what} {name}".encode()), t))


def shift(value: Array, seed: int, t: float) -> Array:
    if value.dtype.kind != "f":
        return value
    way = np.random.default_rng(seed).standard_normal(value.shape)
    return np.asarray(value + t * way * np.sqrt(np.mean(np.square(value), dtype=np.float64)))


def tensors_of(call: Any) -> list[Array]:
    return [value for side in (call.inputs, call.outputs) for value in side.values() if value.dtype.kind == "f"]


def bent(at: Array, once: Array, twice: Array) -> bool:
    """Off a line, or not moved at all."""
    return bool(np.linalg.norm(twice - 2 * once + at) >= BENT * np.linalg.norm(once - at))
