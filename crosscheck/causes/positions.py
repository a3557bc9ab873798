"""Another position of a sequence: the token before, one step too late."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, distinct, each
from crosscheck.causes.variant import Variant, family, of

cause(
    "position-other",
    "wiring",
    "one side takes another position of a sequence: the step before, or one too late",
    "logits[:, :-1] against ids[:, 1:]; y[:, t]",
    "logits[:, :-1] against ids[:, 1:]; y[:, t]",
    "take the position that JAX takes",
    "take the position that torch takes",
    "https://d2l.ai/chapter_recurrent-modern/seq2seq.html",
)

NEAR = 1e-9


@family
def at_positions(site: Site) -> Iterator[Variant]:
    """Of a source, both sides at positions of one axis, not both at its ends."""
    if not alone(site) or site.first.dtype.kind != "f" or site.first.shape != site.second.shape:
        return
    values = distinct(x for x in (*reversed(site.inputs), *reversed(site.given)) if x.dtype.kind == "f" and x.ndim > 1)
    for source, x in each(site, values):
        for axis in range(x.ndim):
            found = [places(x, side, axis) for side in (site.first, site.second)]
            ends = {0, x.shape[axis] - 1}
            if all(found) and not ends >= {*found[0], *found[1]}:
                yield from of(source, taken(x, axis, site.first.shape, {*found[0], *found[1]}))


def places(x: Array, side: Array, axis: int) -> list[int]:
    """The positions at which x is this side."""
    shape = x.shape[:axis] + x.shape[axis + 1 :]
    if side.size != np.prod(shape) or [n for n in side.shape if n != 1] != [n for n in shape if n != 1]:
        return []
    apart = np.abs(np.moveaxis(x, axis, 0).reshape(x.shape[axis], -1) - side.ravel())
    return [int(i) for i in np.flatnonzero(apart.max(1) <= NEAR * np.abs(side).max())]


def taken(x: Array, axis: int, shape: tuple[int, ...], at: set[int]) -> Iterator[Variant]:
    for i in sorted(at):
        make = partial(np.reshape, x.take(i, axis), shape)
        yield Variant((), f"position {i}", make, f"{i}", "position-other")
