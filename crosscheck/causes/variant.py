"""Ways to compute a layer: the standard one, and one for each convention in which ports depart from it.

A family is a function of a site that yields variants, the standard one first; it yields nothing for sites that it does
not understand. Variants are cheap to make: the array is computed when it is asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.functions import is_activated
from crosscheck.causes.site import Site


class Source(NamedTuple):
    """A value that something is made of, and what it is in words."""

    words: str
    array: Array


@dataclass(frozen=True)
class Variant:
    """departs: the causes (by id) by which it differs from the standard way, () for that itself; says: the convention
    in words or a formula; make: what it makes of the site, in the shape of site.first. choice: of several that exclude
    each other, none of them standard, which it is; two variants with unlike choices differ by `otherwise`, or by what
    BETWEEN has for the two. more: further choices, each with its `otherwise` (options.py). coarse: something in it is
    in float32 whatever the model is in, so that it is held to float32's rounding. source: which of several values it is
    made of."""

    departs: tuple[str, ...]
    says: str
    make: Callable[[], Array]
    choice: str = ""
    otherwise: str = ""
    more: tuple[tuple[str, str], ...] = ()
    coarse: bool = False
    source: Source | None = field(default=None, compare=False, repr=False)

    def differs(self, other: Variant) -> list[str]:
        """The causes by which two variants differ; "" for a difference that is no cause of the catalogue."""
        ids = [i for i in (*self.departs, *other.departs) if (i in self.departs) != (i in other.departs)]
        mine, theirs = ((v.choice, v.otherwise) for v in (self, other))
        for (a, cause), (b, instead) in zip((mine, *self.more), (theirs, *other.more)):
            if a != b and ANY not in (a, b):
                ids.append(BETWEEN.get(frozenset((a, b)), cause or instead))
        if self.source and other.source and self.source.words != other.source.words:
            activated = is_activated(self.source.array, other.source.array)
            ids.append("activation-missing" if activated else "value-from-elsewhere")
        return list(dict.fromkeys(ids))


def of(source: Source, found: Iterable[Variant]) -> Iterator[Variant]:
    """Variants that are made of one of several values."""
    for variant in found:
        yield replace(variant, source=source)


ANY = "*"
"""A choice that goes with all others."""
BETWEEN: dict[frozenset[str], str] = {}
"""The cause by which two choices differ."""


Family = Callable[[Site], Iterable[Variant]]
FAMILIES: list[Family] = []
LATER: list[Family] = []


def family(function: Family) -> Family:
    """Registers a family."""
    FAMILIES.append(function)
    return function


def later(function: Family) -> Family:
    """Registers a family that is asked after all others: what it says is true of the values, whatever made them."""
    LATER.append(function)
    return function


def home(function: Family) -> str:
    return function.__module__


def variants(site: Site, families: Sequence[Family] = ()) -> Iterator[tuple[Family, list[Variant]]]:
    """The variants of a site by these families, or by all, in the order of their modules' names."""
    for function in families or (*sorted(FAMILIES, key=home), *sorted(LATER, key=home)):
        found = tried(function, site)
        if found:
            yield function, found


def tried(function: Family, site: Site) -> list[Variant]:
    """A family's variants; none, with a warning, where it fails: the others may still explain the site."""
    try:
        with np.errstate(all="ignore"):
            return list(function(site))
    except Exception as error:
        if site.first.shape != site.second.shape:
            return []  # most hypotheses are about values, not sizes
        warnings.warn(f"the hypotheses of {home(function)} failed: {type(error).__name__}: {error}", stacklevel=2)
        return []
