"""Values put together of which each is made in the same way: the branches of a module, pooled each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.changes import comparable
from crosscheck.causes.closer import cut
from crosscheck.causes.rearranged import channel_axes
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone

MOST_PARTS = 6


def apiece(site: Site) -> list[Site]:
    """The stretches of the last axis, or of the channels', of which each is made of one of several values that layers
    gave one after the other, with that alone; none if the value is not put together like this."""
    if not alone(site) or not comparable(site) or site.first.ndim < 2:
        return []
    given = [x for x, (_, kind) in zip(site.inputs, site.called) if kind] if site.called else site.inputs
    found = [x for x in given if x.dtype.kind == "f" and x.ndim > 1 and len(x) == len(site.first)]
    for axis, own in product(dict.fromkeys((1, site.first.ndim - 1)), channel_axes(site)):
        for count in range(2, MOST_PARTS + 1):
            for start in range(len(found) - count, -1, -1):
                parts = found[start : start + count]
                if sum(x.shape[own] for x in parts) == site.first.shape[axis]:
                    return stretches_of(site, axis, parts, [x.shape[own] for x in parts])
    return []


def stretches_of(site: Site, axis: int, parts: Sequence[Array], widths: Sequence[int]) -> list[Site]:
    ends = np.cumsum([0, *widths])
    words = [site.name_of(x) for x in parts]
    return [
        replace(
            site,
            first=cut(site.first, axis, low, high),
            second=cut(site.second, axis, low, high),
            inputs=(x,),
            given=(),
            called=((said, ""),) if said else (),
        )
        for x, said, low, high in zip(parts, words, ends[:-1], ends[1:])
    ]
