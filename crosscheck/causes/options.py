"""A layer with several conventions, each of which has a standard way and others: every combination of few departures.

A family states its conventions as axes of options and one function that computes the layer under a choice of them. Each
combination is first tried on a small part of the site (one example), and only those that make what a side made there
become variants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations as subsets
from itertools import product
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.site import Site
from crosscheck.causes.variant import Variant

MOST = 2
"""Departures at once."""

Make = Callable[..., Array]


@dataclass(frozen=True)
class Option:
    """One way to do one thing; cause: by which it departs from the standard way, "" for that, or for a setting that has
    none; parts: of a setting that is several at once, each of them with the cause by which two that differ do."""

    value: Any
    says: str = ""
    cause: str = ""
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Axis:
    """The ways to do one thing; otherwise: the cause by which two settings differ of which none is standard."""

    name: str
    options: Sequence[Option]
    otherwise: str = ""


def departures(name: str, standard: Any, *others: tuple[Any, str, str]) -> Axis:
    """An axis with one standard way and others: (value, words, cause)."""
    return Axis(name, (Option(standard), *(Option(*other) for other in others)))


def settings(name: str, values: Sequence[Any], says: Callable[[Any], str], otherwise: str) -> Axis:
    """An axis of settings of which none is standard, the likeliest first."""
    return Axis(name, [Option(value, says(value)) for value in dict.fromkeys(values)], otherwise)


def search(
    site: Site,
    axes: Iterable[Axis],
    make: Make,
    small: Site | None = None,
    standard: str = "the formula",
    coarse: bool = False,
    most: int = MOST,
    anchored: bool = False,
) -> Iterator[Variant]:
    """Variants of a layer, those with the fewest departures first, as many as it takes to make both sides. anchored:
    with departures only those that but for one setting are like one that makes a side, for layers that are dear to try.
    """
    axes, small = list(axes), small or site
    first = second = False
    anchors: list[Sequence[Option]] = []
    for count in range(most + 1):
        for chosen in neighbours(axes, anchors, count) if anchored and count else combinations(axes, count):
            values = {axis.name: option.value for axis, option in zip(axes, chosen)}
            made = attempt(make, small, values)
            if made is not None and (close(small, small.first, made) or close(small, small.second, made)):
                first = first or small.matches(small.first, made, coarse)
                second = second or small.matches(small.second, made, coarse)
                if not count:
                    anchors.append(chosen)
                yield variant(site, axes, chosen, partial(make, site, **values), standard, coarse)
        if first and second:
            return


def also_coarse(found: Iterable[Variant]) -> Iterator[Variant]:
    """The variants, and the same held to float32's rounding alone: for layers that keep part of their work in it."""
    for variant in found:
        yield variant
        yield replace(variant, coarse=True)


def combinations(axes: Sequence[Axis], count: int) -> Iterator[tuple[Option, ...]]:
    """All choices of options with so many departures."""
    for at in subsets(range(len(axes)), count):
        yield from product(*([o for o in axis.options if bool(o.cause) == (i in at)] for i, axis in enumerate(axes)))


def neighbours(axes: Sequence[Axis], anchors: Sequence[Sequence[Option]], count: int) -> Iterator[tuple[Option, ...]]:
    """Combinations with so many departures that else differ by one setting at most from one of those without any."""
    told: set[tuple[int, ...]] = set()
    for anchor in anchors:
        for at in subsets(range(len(axes)), count):
            departing = product(*([option for option in axes[i].options if option.cause] for i in at))
            for options in departing:
                whole = list(anchor)
                for i, option in zip(at, options):
                    whole[i] = option
                for chosen in (tuple(whole), *one_setting_off(axes, whole, at)):
                    if (key := tuple(map(id, chosen))) not in told:
                        told.add(key)
                        yield chosen


def one_setting_off(axes: Sequence[Axis], whole: list[Option], at: Sequence[int]) -> Iterator[tuple[Option, ...]]:
    for i, axis in enumerate(axes):
        for option in axis.options if i not in at else ():
            if not option.cause and option is not whole[i]:
                yield (*whole[:i], option, *whole[i + 1 :])


def attempt(make: Make, site: Site, values: dict[str, Any]) -> Array | None:
    try:
        with np.errstate(all="ignore"):
            return np.asarray(make(site, **values))
    except (ValueError, IndexError, KeyError, ZeroDivisionError):
        return None


def close(site: Site, side: Array, made: Array) -> bool:
    """Whether a part may be what the side made; the whole is held to rounding later."""
    if made.shape != side.shape:
        return False
    finite = np.isfinite(side)
    if not finite.all():
        if not np.array_equal(made[~finite], side[~finite], equal_nan=True):
            return False
        made, side = made[finite], side[finite]
    return bool(np.linalg.norm(made - side) <= max(1e-5 * np.linalg.norm(side), 1e4 * site.noise * np.sqrt(side.size)))


def variant(
    site: Site,
    axes: Sequence[Axis],
    chosen: Sequence[Option],
    make: Callable[[], Array],
    standard: str,
    coarse: bool,
) -> Variant:
    departs = tuple(option.cause for option in chosen if option.cause)
    alone = [("" if option.cause else option.says, axis.otherwise) for axis, option in zip(axes, chosen)]
    more = tuple(part for one, option in zip(alone, chosen) for part in option.parts or (one,))
    says = [option.says for option in chosen if option.says]
    if not departs:
        says = [standard, *says] if says else [standard]
    return Variant(departs, ", ".join(says), make, more=more, coarse=coarse)
