"""Differences that the rounding of a table makes: one model holds it in float32, the other makes the same numbers in
float64 when it is called. Told by moving such tables by a rounding of float32: what shows elsewhere has to be no more
than a few times what that shows there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.model import Model, Run
from crosscheck.twins.measure import ROUNDOFF, within_float32
from crosscheck.twins.tables import is_table

AT_MOST = 8.0


def by_rounded_tables(twins: Any, scene: Any, found: Sequence[Any]) -> dict[Any, str]:
    """For each divergence that the rounding of tables could make: which."""
    small = [d for d in found if d.direction != "state" and within_float32(d.gap)]
    reasons: dict[Any, str] = {}
    if not small:
        return reasons
    mine, theirs = scene.asks
    theirs = replace(theirs, forced=scene.forces)
    own, there = ({m.unit.first: getattr(m.unit, at) for m in scene.matches} for at in ("first", "second"))
    sides = (
        (twins.first, twins.pairing.first_alone, mine, scene.run, own),
        (twins.second, twins.pairing.second_alone, theirs, scene.forced, there),
    )
    for which, (model, alone, ask, run, keys) in zip(("first", "second"), sides):
        tables = narrow_tables(model, alone)
        if not tables:
            continue
        moved = model.run(replace(ask, values={**ask.values, **{p: rounded(ask.values[p]) for p in tables}}))
        why = f"the {which} model holds {', '.join(tables)} in float32; alike to the rounding of that"
        for d in small:
            paths = [d.gap.path] if which == "first" else twins.pairing.seconds(d.gap.path)
            if d.gap.relative <= AT_MOST * movement(d, run, moved, keys, paths):
                reasons[d] = why
    return reasons


def narrow_tables(model: Model, alone: Sequence[str]) -> list[str]:
    """Tables in float32 without a counterpart."""
    values = model.values()
    leaves = [model.leaf(path) for path in alone]
    return [leaf.path for leaf in leaves if leaf.dtype == "float32" and is_table(leaf, values[leaf.path])]


def rounded(table: Array) -> Array:
    """Moved by as much as the rounding of float32 may be, up or down."""
    signs = np.random.default_rng(0).choice([-1.0, 1.0], table.shape)
    return np.asarray(table.astype(np.float64) * (1 + ROUNDOFF["float32"] * signs))


def movement(d: Any, run: Run, moved: Run, keys: Mapping[str, str], paths: Sequence[str]) -> float:
    """By how much of itself what shows the divergence has moved."""
    gaps = [
        float(np.linalg.norm(y - x) / (np.linalg.norm(x) or 1.0))
        for x, y in zip(shown(d, run, keys, paths), shown(d, moved, keys, paths))
        if np.isfinite(x).all() and np.isfinite(y).all()
    ]
    return max(gaps, default=0.0)


def shown(d: Any, run: Run, keys: Mapping[str, str], paths: Sequence[str]) -> Iterator[Array]:
    """The tensors of a run, floating ones, that show it: gradients, or what goes through the place."""
    if d.gap.kind == "gradient":
        yield from (run.gradients[path] for path in paths if path in run.gradients)
        return
    calls = {call.key: call for call in run.calls}
    forward = d.direction == "forward"
    end = (d.before if forward else d.after) if d.wiring else ""
    unit = d.match.unit.first if d.match is not None else d.first
    call = calls.get(keys.get(end or unit, end or unit))
    side = ("inputs" if end else "outputs") if forward else ("cotangents" if end else "input_cotangents")
    for value in getattr(call, side).values() if call is not None else ():
        if value.dtype.kind == "f":
            yield value
