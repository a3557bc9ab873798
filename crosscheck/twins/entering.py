"""Where a parameter enters the forward pass, told by moving it.

A stretch of own code that is at fault forward gives a wrong gradient to the parameters that it uses and, for a stream
takes it back, to those that enter the same code before; what it passes by has none. So these are not told again. What
enters elsewhere is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.stretch import begins
from crosscheck.models.model import Call, Run
from crosscheck.twins.locate import around

MOVE = 0.01
"""By how much of itself the parameter is moved."""


def follows_a_fault(divergence: Any, twins: Any, scene: Any, faults: Sequence[Any]) -> bool:
    """Whether it is the gradient by a parameter that enters in a stretch of own code that is among the faults, or ahead
    of it."""
    leaf = divergence.gap.kind == "gradient" and not divergence.wiring
    if not leaf or divergence.match is None or divergence.match.unit.inner:
        return False
    here = [fault for fault in faults if fault.wiring and fault.first == divergence.first]
    if not here:
        return False
    at = entering(twins, scene, divergence.gap.path)
    return at is None or any(at == fault.before or is_ahead(scene.run, at, fault) for fault in here)


def is_ahead(run: Run, key: str, fault: Any) -> bool:
    """Whether a call is made before the stretch that is at fault ends. What enters a module at its end reaches the
    calls behind it alone."""
    keys = [call.key for call in run.calls]
    if not fault.before:
        return bool(fault.first) and not within(run, key, fault.first)
    end = begins(run, fault.before) if fault.before in keys else len(keys)
    return key in keys and begins(run, key) < end


def within(run: Run, key: str, module: str) -> bool:
    """Whether a call is a module's, or one in it."""
    return module in (key, *around(key, {call.key: call.parent for call in run.calls}))


def is_passed_by(divergence: Any, twins: Any, scene: Any) -> bool:
    """Whether it is a gradient that is zero in one model, for that does not use the parameter."""
    path = divergence.gap.path
    if divergence.gap.kind != "gradient":
        return False
    sides = (
        (twins.first, scene.asks[0], scene.run, [path]),
        (twins.second, scene.asks[1], scene.forced, twins.pairing.seconds(path)),
    )
    for model, ask, run, paths in sides:
        if paths and not any(np.any(run.gradients.get(p, 0)) for p in paths):
            there = replace(ask, cotangents=None, trace=False, forced={})
            before = model.run(there)
            return all(unmoved(before, model.run(replace(there, values=moved(ask.values, p)))) for p in paths)
    return False


def entering(twins: Any, scene: Any, path: str) -> str | None:
    """The first model's call that is the first to be given something else if the parameter is moved: "" if only the
    whole gives something else, None if that does not either."""
    ask = scene.asks[0]
    run = twins.first.run(replace(ask, values=moved(ask.values, path), cotangents=None))
    return None if unmoved(scene.run, run) else outermost(run, changed(scene.run, run))


def moved(values: Mapping[str, Array], path: str) -> dict[str, Array]:
    return {**values, path: np.asarray(values[path]) * (1 + MOVE) + MOVE}


def unmoved(run: Run, other: Run) -> bool:
    return all(np.array_equal(y, other.outputs[name]) for name, y in run.outputs.items())


def changed(run: Run, other: Run) -> list[str]:
    """The calls that were given something else, in the order in which they complete."""
    before = {call.key: call for call in run.calls}
    return [call.key for call in other.calls if call.key in before and not alike(before[call.key], call)]


def alike(one: Call, other: Call) -> bool:
    return all(name in other.inputs and np.array_equal(x, other.inputs[name]) for name, x in one.inputs.items())


def outermost(run: Run, keys: Sequence[str]) -> str:
    """The call around the first of these, or that itself, that is one of these and lies in none of them."""
    parents, found = {call.key: call.parent for call in run.calls}, ""
    at: str | None = keys[0] if keys else None
    while at:
        found = at if at in keys else found
        at = parents.get(at)
    return found
