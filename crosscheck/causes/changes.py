"""What was done to one side's value to make the other's, whatever the value was made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.site import Site, norm
from crosscheck.causes.sources import near, part
from crosscheck.causes.variant import Variant

AS_IT_IS = "as it is there"


class Change(NamedTuple):
    """One way to change a value, by which a side departs from the other; each: element by element."""

    cause: str
    says: str
    make: Callable[[Array], Array]
    each: bool = False


def changes(site: Site, ways: Iterable[Change]) -> Iterator[Variant]:
    """Either side as it is, and changed into the other."""
    ways = list(ways)
    for side, other in ((site.first, site.second), (site.second, site.first)):
        found = [way for way in ways if makes(way, side, site, other)]
        if found:
            yield Variant((), AS_IT_IS, partial(np.asarray, side))
        for way in found:
            yield Variant((way.cause,), way.says, partial(way.make, side))


def makes(way: Change, side: Array, site: Site, other: Array) -> bool:
    with np.errstate(all="ignore"):
        try:
            if way.each and not near(way.make(part(side)), part(other)):
                return False
            return site.matches(other, way.make(side))
        except (ValueError, IndexError, OverflowError):
            return False


def comparable(site: Site) -> bool:
    """Whether both sides are numbers of one shape."""
    return site.first.shape == site.second.shape and site.first.dtype.kind in "fiu" and site.second.dtype.kind in "fiu"


def same_elements(site: Site) -> bool:
    """Whether the sides may be the same numbers in another order."""
    a, b = site.first, site.second
    if not comparable(site) or a.size < 3 or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    size = norm(a)
    return abs(size - norm(b)) <= 1e-9 * size and abs(float(a.sum()) - float(b.sum())) <= 1e-8 * size * a.size**0.5
