"""What one side adds that the other does not, whatever else the value is made of: the difference read as a sum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.changes import AS_IT_IS, comparable
from crosscheck.causes.functions import NONE
from crosscheck.causes.site import FLOAT32, Site, norm
from crosscheck.causes.sources import alone
from crosscheck.causes.sums import EXACT, Reading, Term, columns, readings
from crosscheck.causes.variant import Variant, later
from crosscheck.causes.wiring import added

LOOSEST = 1e-6
"""To which a small difference, of which rounding takes its share, has to be a sum."""


@later
def missing_terms(site: Site) -> Iterator[Variant]:
    """The second side as the first without a term, with one more, or with one in the place of another."""
    if site.target not in ("value", "output") or not alone(site) or not comparable(site):
        return
    if site.first.dtype.kind != "f" or site.first.size < 4:
        return
    difference = site.first - site.second
    exact = (FLOAT32 if site.coarse else EXACT) * norm(site.first) / max(norm(difference), 1e-300)
    known = [column for column in columns(site) if column.kind != "constant"]
    if any(site.matches(side, column.array) for side in (site.first, site.second) for column in known):
        return  # a side that is one value and no sum
    for reading in readings(difference, known, min(exact, LOOSEST)):
        if named := cause_of(reading):
            yield Variant((), AS_IT_IS, partial(np.asarray, site.first), AS_IT_IS, named)
            yield Variant((), f"that {says(reading)}", partial(without, site.first, reading), "changed", named)
            return


def without(side: Array, reading: Reading) -> Array:
    return side - reading.make(side.shape)


def cause_of(reading: Reading) -> str:
    """One term, which may have a factor, or one in the place of another."""
    factors = [term.factor for term in reading.terms]
    if reading.outer != NONE or len(factors) == 1:
        return added(reading.terms[0].column) if np.abs(factors).tolist() == [1.0] else "scale-constant"
    plain = all(term.function == NONE for term in reading.terms)
    return "residual-from-elsewhere" if plain and sorted(factors) == [-1.0, 1.0] else ""


def says(reading: Reading) -> str:
    """What taking the reading away does."""
    if reading.outer != NONE:
        return f"without {reading}"
    gone, come = ([t for t in reading.terms if (t.factor > 0) == is_gone] for is_gone in (True, False))
    if gone and come:
        return f"with {positive(come[0])} in the place of {gone[0]}"
    return f"without {gone[0]}" if gone else f"and {positive(come[0])}"


def positive(term: Term) -> Term:
    return replace(term, factor=abs(term.factor))
