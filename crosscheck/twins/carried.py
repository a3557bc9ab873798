"""Differences that a model's own code hands on: a residual stream brings what went wrong at one place to later ones.

What modules are given and give is forced to be right, what lies between them is not. So behind a stretch of wiring that
is at fault others may show the same difference, a multiple of it, or its mean over an image or a sequence, or what it
has at one end of that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.twins.coarse import along

LEFT, NONE = 1e-8, 1e-9
"""What a factor may leave of a difference that was handed on; of the value, what is no difference."""


def carried(twins: Any, scene: Any, found: Sequence[Any]) -> dict[Any, Any]:
    """The divergences, given in forward order, that show nothing but what an earlier one does, each with that."""
    earlier: list[tuple[Any, Array]] = []
    again = {}
    for divergence in found:
        if divergence.wiring and divergence.direction == "forward":
            shown = list(differences(twins, scene, divergence))
            seen = [first_shown(x, earlier) for x in shown]
            if seen and None not in seen:
                again[divergence] = seen[0]
            else:
                earlier += [(divergence, x) for x in shown]
    return again


def first_shown(difference: Array, earlier: Sequence[tuple[Any, Array]]) -> Any:
    """The divergence that first showed this difference; None if none did."""
    return next((d for d, e in earlier if any(along(difference, y, LEFT) for y in ways_on(e, difference))), None)


def differences(twins: Any, scene: Any, divergence: Any) -> Iterator[Array]:
    """Between what reaches a place and what should, of each value."""
    from crosscheck.causes.wiring_scenes import wiring_sites

    for site in wiring_sites(twins, scene, divergence):
        if site.first.shape == site.second.shape:
            difference = np.subtract(site.second, site.first, dtype=np.float64)
            if not np.linalg.norm(difference) <= NONE * np.linalg.norm(site.first):
                yield difference


def ways_on(difference: Array, later: Array) -> Iterator[Array]:
    """A difference, its mean over all axes but the examples' and the channels', or the first or last along one axis, in
    the shape of a later one."""
    inner = [tuple(range(2, difference.ndim)), tuple(range(1, difference.ndim - 1))]
    means = [difference.mean(axes) for axes in inner if axes]
    ends = [difference.take(end, axis) for axis in range(1, difference.ndim) for end in (0, -1)]
    for way in (difference, *means, *ends):
        if way.shape == later.shape:
            yield way
