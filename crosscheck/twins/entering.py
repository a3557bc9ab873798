"""Where a parameter that a model's own code uses, and none of its modules, enters the forward pass.

A stretch of own code that is at fault forward gives a wrong gradient to the parameters that it uses, so these are not
told again; what enters elsewhere is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from crosscheck.models.model import Call, Run

MOVE = 0.01
"""By how much of itself the parameter is moved."""


def follows_a_fault(divergence: Any, twins: Any, scene: Any, faults: Sequence[Any]) -> bool:
    """Whether it is the gradient by a parameter that enters in a stretch of own code that is among the faults."""
    leaf = divergence.gap.kind == "gradient" and not divergence.wiring
    if not leaf or divergence.match is None or divergence.match.unit.inner:
        return False
    here = [fault for fault in faults if fault.wiring and fault.first == divergence.first]
    return bool(here) and entering(twins, scene, divergence.gap.path) in {None, *(fault.before for fault in here)}


def entering(twins: Any, scene: Any, path: str) -> str | None:
    """The first model's call that is the first to be given something else if the parameter is moved: "" if only the
    whole gives something else, None if that does not either."""
    ask = scene.asks[0]
    moved = {**ask.values, path: np.asarray(ask.values[path]) * (1 + MOVE) + MOVE}
    run = twins.first.run(replace(ask, values=moved, cotangents=None))
    if all(np.array_equal(y, run.outputs[name]) for name, y in scene.run.outputs.items()):
        return None
    return outermost(run, changed(scene.run, run))


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
