"""Names the cause of a divergence: the conventions, known to the catalogue, that make what either side made.

Every variant of the layer is computed from what went in. One that makes what the first side made and one that makes
what the second made, both to rounding, explain the whole difference; the causes are those by which the two variants
differ. Nothing is claimed otherwise: then clues are all there is.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, cycle
from typing import Any, NamedTuple

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.apiece import apiece
from crosscheck.causes.catalogue import CAUSES, load
from crosscheck.causes.closer import Look, closer
from crosscheck.causes.clues import clues
from crosscheck.causes.exchanged import exchanged
from crosscheck.causes.explanation import Explanation
from crosscheck.causes.pool_scenes import parting_sites
from crosscheck.causes.scenes import sites
from crosscheck.causes.site import Site, norm
from crosscheck.causes.tying import tied_apart
from crosscheck.causes.unit_scenes import last_sites, turned_sites
from crosscheck.causes.variant import Variant, variants
from crosscheck.twins.pool import Candidate, Parting


def explain_all(twins: Any, scene: Any, culprit: Any) -> None:
    """Puts the explanation, or clues, into the culprit."""
    found = sites(twins, scene, culprit.divergence)
    culprit.explanation = tied_apart(twins, scene, culprit.divergence) or exchanged(found)
    if culprit.explanation is None:
        explain_first(with_narrow(twins, scene, found), culprit)
    if culprit.explanation is None:
        explain_turned(twins, scene, culprit)


def explain_turned(twins: Any, scene: Any, culprit: Any) -> None:
    """The same of a unit, seen from the second model: the first's may be of own code, the second's a framework's."""
    match, here = culprit.divergence.match, culprit.divergence
    if match is not None and here.direction == "forward" and not here.wiring:
        found = explain_each(with_narrow(twins, scene, last_sites(twins, scene, match, turned_sites)))
        if found is not None:
            culprit.explanation, culprit.clues = found.turned, []


def explain_each(found: Sequence[Site]) -> Explanation | None:
    """What explains the first of the sites that anything explains."""
    return next(filter(None, map(explain, found)), None)


def with_narrow(twins: Any, scene: Any, found: Sequence[Site]) -> list[Site]:
    """The sites, and once more as either side may have rounded them."""
    in_float32 = twins.dtype != "float64" or getattr(scene, "narrow", False)
    return [*found, *(replace(site, coarse=True) for site in found if in_float32)]


def explain_first(found: Sequence[Site], culprit: Any) -> None:
    """Puts into the culprit what explains the first of its sites that anything explains, or clues to the first."""
    load()
    culprit.explanation = explain_each(found)
    culprit.clues = [] if culprit.explanation else [clue for site in found[:1] for clue in clues(site)]


def explanations(twins: Any, place: Parting) -> Iterator[tuple[Candidate, Explanation]]:
    """Of a parting from a plain function: which of the values that stand there is explained, by what."""
    load()
    for candidate, site in zip(cycle(place.instead), with_narrow(twins, place, parting_sites(twins, place))):
        if (found := explain(site)) is not None:
            yield candidate, found


def explain(site: Site) -> Explanation | None:
    """The explanation that needs the fewest causes; None if nothing in the catalogue makes what both sides made."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        if site.matches(site.first, site.second):
            return None
        return explain_whole(site) or explain_parts(site)


def explain_whole(site: Site) -> Explanation | None:
    look, found = pairs_seen(site)
    return between(look, min(found, key=rank)) if found else None


def explain_parts(site: Site) -> Explanation | None:
    """What explains each of several values that are put together, if it is the same."""
    parts = [part for part in apiece(site) if not part.matches(part.first, part.second)]
    seen: list[tuple[Look, list[Pair]]] = []
    for part in parts:
        look, found = pairs_seen(part)
        common = {tuple(pair.ids) for pair in found}
        seen = [
            (other, [pair for pair in pairs if tuple(pair.ids) in common]) for other, pairs in [*seen, (look, found)]
        ]
        if not all(pairs for _, pairs in seen):
            return None
    if len(seen) < 2:
        return None
    ids = min(seen[0][1], key=rank).ids
    told = [between(look, next(pair for pair in pairs if pair.ids == ids)) for look, pairs in seen]
    every = [one for one in told if one is not None]
    if len(every) < len(seen):
        return None
    before, after = (max(getattr(one, name) for one in every) for name in ("before", "after"))
    said = [f"each of the {len(every)} values put together: {words}" for words in (every[0].first, every[0].second)]
    return replace(every[0], first=said[0], second=said[1], before=before, after=after)


def pairs_seen(site: Site) -> tuple[Look, list[Pair]]:
    """The pairs of variants that make the two sides, at the first look that shows any: those of the families up to the
    first that needs one cause alone."""
    whole = Look(site, "")
    for look in chain([whole], closer(site)):
        found: list[Pair] = []
        for _, made in variants(look.site, look.families):
            found += pairs(look.site, made)
            if any(len(pair.ids) == 1 for pair in found):
                break
        if found:
            return look, found
    return whole, []


def rank(pair: Pair) -> tuple[int, bool]:
    """The fewest causes first; of as many, those that say more than that a function is missing or another one."""
    return len(pair.ids), bool(VAGUE & {*pair.ids})


VAGUE = {"activation-missing", "activation-twice", "activation-other"}


class Pair(NamedTuple):
    """Variants that make what the first side made and what the second made, and what they differ by."""

    first: Variant
    second: Variant
    ids: list[str]


def pairs(site: Site, found: Sequence[Variant]) -> list[Pair]:
    """Pairs of one family's variants. Causes that both depart by are not part of the difference, and a variant that
    makes both sides to its rounding tells nothing of it."""
    mine, theirs = [], []
    for variant in found:
        array = safely(variant)
        makes = [site.matches(side, array, variant.coarse) for side in (site.first, site.second)]
        if makes == [True, False]:
            mine.append(variant)
        if makes == [False, True]:
            theirs.append(variant)
    every = [Pair(a, b, a.differs(b)) for a in mine for b in theirs]
    return [pair for pair in every if pair.ids and "" not in pair.ids]


def safely(variant: Variant) -> Array | None:
    """What a variant makes; None where it does not apply after all."""
    try:
        with np.errstate(all="ignore"):
            return np.asarray(variant.make())
    except (ValueError, IndexError, KeyError, ZeroDivisionError, np.linalg.LinAlgError):
        return None


def between(look: Look, pair: Pair) -> Explanation | None:
    site, where = look.site, look.where
    a, b, ids = pair
    x, y = safely(a), safely(b)
    if x is None or y is None:
        return None
    named = [CAUSES[i] for i in ids]
    departs = "both" if a.departs and b.departs else "first" if a.departs else "second" if b.departs else "neither"
    scale = norm(np.where(np.isfinite(site.first), site.first, 0)) or 1.0
    left = apart(site.first, x), apart(site.second, y)
    alike = site.first.shape == site.second.shape
    before = norm(apart(site.first, site.second)) / scale if alike else np.inf
    after = (norm(apart(*left)) if alike else max(map(norm, left))) / scale
    first, second = (f"{where}: {words}" if where else words for words in said(a, b))
    return Explanation(tuple(named), first, second, departs, before, after)


def said(a: Variant, b: Variant) -> list[str]:
    """Both in words, with what they are made of where that is not the same."""
    alike = a.source is None or b.source is None or a.source.words == b.source.words
    return [v.says if alike or v.source is None else f"{v.says} of {v.source.words}" for v in (a, b)]


def apart(a: Array, b: Array) -> Array:
    """a - b, nothing where both are the same infinity or NaN."""
    with np.errstate(all="ignore"):
        return np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.subtract(a, b, dtype=np.float64))
