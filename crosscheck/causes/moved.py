"""What one side does ahead of a layer and the other behind it: two places that are told apart, and one cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import CAUSES, cause
from crosscheck.causes.functions import NONE
from crosscheck.models.model import Call

NORM_MOVED = "norm-before-or-after"

cause(
    "layer-before-or-after",
    "wiring",
    "what one side does ahead of a layer the other does behind it",
    "F.relu(self.conv(x))",
    "self.conv(jax.nn.relu(x))",
    "do it where JAX does",
    "do it where torch does",
    "https://arxiv.org/abs/1603.05027",
)

UNUSED = "parameter-unused"
MISSING = {"activation-missing", "residual-missing", "positional-missing", "modulation-missing", "gate-missing", UNUSED}
"""Causes by which one side does something that the other does not."""


def together(culprits: Sequence[Any], calls: Sequence[Call]) -> list[Any]:
    """The culprits, where those ahead of a layer and behind it that say the opposite are one. Ahead may be one that
    shows nothing new: the value is made once, and goes into several layers."""
    found: list[Any] = []
    for culprit in culprits:
        last = next((i for i in reversed(range(len(found))) if not found[i].again), 0)
        ahead = (
            i for i in range(last, len(found)) if is_undone(found[i], culprit) and is_behind(found[i], culprit, calls)
        )
        at = None if culprit.again else next(ahead, None)
        if at is None:
            found.append(culprit)
        else:
            found[at] = replace(found[at], explanation=moved(found[at], culprit, calls), again=False)
    return found


def is_undone(ahead: Any, behind: Any) -> bool:
    """Whether what one side has more ahead of a layer is what the other has more behind it."""
    one, two = ahead.divergence, behind.divergence
    told = ahead.explanation and behind.explanation
    if not told or not one.wiring or not two.wiring or {one.direction, two.direction} != {"forward"}:
        return False
    ids = [{cause.id for cause in culprit.explanation.causes} for culprit in (ahead, behind)]
    more = [len(said(e.first)) > len(said(e.second)) for e in (ahead.explanation, behind.explanation)]
    return ids[0] == ids[1] and len(ids[0]) == 1 and ids[0] <= MISSING and more[0] != more[1]


def is_behind(ahead: Any, behind: Any, calls: Sequence[Call]) -> bool:
    """Whether it is the same: a module's own parameter is wherever it scales, all else behind the next layer alone."""
    one, two = ahead.divergence, behind.divergence
    own = [cause.id for cause in ahead.explanation.causes] == [UNUSED]
    return is_next(one, two, calls) or (own and one.first == two.first)


def is_next(one: Any, two: Any, calls: Sequence[Call]) -> bool:
    """Whether the second stretch is made of what the layer gives that the first leads to."""
    keys = [call.key for call in calls]
    if one.first != two.first or one.before not in keys or two.after not in keys:
        return False
    layer = calls[keys.index(one.before)]
    between = calls[keys.index(layer.key) + 1 : keys.index(two.after) + 1]
    given = list(layer.outputs.values())
    return two.after == layer.key or (bool(between) and not any(takes(call, given) for call in between))


def takes(call: Call, values: Sequence[Array]) -> bool:
    return any(np.array_equal(x, y) for x in call.inputs.values() for y in values)


def said(words: str) -> str:
    """Without what is not done."""
    return ", ".join(part for part in words.split(", ") if part != NONE)


def moved(ahead: Any, behind: Any, calls: Sequence[Call]) -> Any:
    layer = ahead.divergence.before
    kind = next(call.kind for call in calls if call.key == layer)
    first, second = (
        f"{said(before) or '...'}, then `{layer}`, then {said(after) or '...'}"
        for before, after in (
            (ahead.explanation.first, behind.explanation.first),
            (ahead.explanation.second, behind.explanation.second),
        )
    )
    named = CAUSES[NORM_MOVED if "Norm" in kind else "layer-before-or-after"]
    return replace(ahead.explanation, causes=(named,), first=first, second=second)
