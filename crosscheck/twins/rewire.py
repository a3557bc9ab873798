"""Modules that could be each other's, told apart by what reaches them.

Of several modules of one class and size names and order may pair the wrong ones. So every innermost unit of the second
model is made to give what its counterpart gave; then a unit is rightly paired if what reaches it is what reached its
counterpart. Where that is so of another pairing within a class, that one is taken. Modules that get the same (the
hidden layers of two heads) are told apart by what is made of what they give, if the names speak for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, islice

import numpy as np
from scipy.optimize import linear_sum_assignment

from crosscheck.axes import Array
from crosscheck.models.model import Call, Leaf, Run
from crosscheck.pairing.links import Link
from crosscheck.pairing.names import unlikeness, words
from crosscheck.twins.forced import Match, forces, given_out, matches, passing, tensors
from crosscheck.twins.layouts import Images, distance
from crosscheck.twins.states import roles
from crosscheck.twins.twins import Twins
from crosscheck.twins.units import units

ROUNDS, TRIALS = 4, 12
SURE = 1e-6
STAY, NAMED, OTHER = 0.4, 0.1, 2.0
"""What it costs to leave a unit with a counterpart that gets something else, where a new one that gets something else
costs 1, and one that gets another size 2: of two units that would change places both have to be sure, or else the code
around them is at fault. Of units of the same name all have to be: norms that stand elsewhere bring every layer what is
the next one's."""
Swaps = Mapping[str, tuple[str, str]]
"""By a unit of the first model: the unit of the second that it had, and the one that it gets."""


def rewired(twins: Twins) -> Twins:
    """The twins with modules paired anew where what reaches them tells; the same twins if all are rightly paired."""
    try:
        if agree(twins):
            return twins
        return by_values(twins)
    except Exception:
        return twins  # the ladder will say what is raised


def agree(twins: Twins) -> bool:
    """Whether the outputs are nearly the same as it is."""
    twins.begun = twins.run_both(*twins.asks(twins.random, False))
    outputs, others = (run.outputs for run in twins.begun.runs)
    names = twins.names(False)
    near = [distance(fit.there(outputs[name]), others[other]) < SURE for name, (other, fit) in names.items()]
    return bool(near) and all(near)


@dataclass(frozen=True)
class Arrivals:
    """The innermost units called once, the first model's run, and the second's in which each unit gives what it
    should."""

    units: list[Match]
    run: Run
    forced: Run
    images: Images

    @cached_property
    def calls(self) -> dict[str, Call]:
        return {call.key: call for call in self.forced.calls}

    def gap(self, match: Match, other: Match) -> float:
        """How far what reaches a unit of the second model is from what reached another one of the first."""
        return self.between(match.first, self.calls[other.second.key])

    def between(self, here: Call, there: Call) -> float:
        mine, theirs = floating(here.inputs), floating(there.inputs)
        shapes, before = self.passing
        taken, _ = roles(here, there)
        names = tensors(mine, theirs, self.images, shapes[: before[here.key]], roles=taken)
        return max(
            (distance(fit.there(mine[name]), theirs[other]) for name, (other, fit) in names.items()), default=np.inf
        )

    @cached_property
    def passing(self) -> tuple[list[tuple[int, ...]], dict[str, int]]:
        return passing(self.run)

    def astray(self) -> int:
        """How many units, and outputs of the whole, get something else than their counterparts."""
        mine, theirs = self.run.outputs, self.forced.outputs
        ends = given_out(mine, theirs, self.images)
        gaps = [distance(fit.there(mine[name]), theirs[other]) for name, (other, fit) in ends.items()]
        return sum(gap >= SURE for gap in (*gaps, *(self.gap(match, match) for match in self.units)))


def arrivals(twins: Twins) -> Arrivals:
    mine, theirs = twins.asks(twins.random, False, trace=True)
    run, other = twins.first.run(mine), twins.second.run(theirs)
    pairs = units(twins.first, twins.second, run.calls, other.calls, twins.pairing)
    found = matches(pairs, run, other, twins.images)
    forced = twins.second.run(replace(theirs, forced=forces(found, inner=True)))
    once, once_there = called_once(run), called_once(other)
    inner = [m for m in found if m.unit.inner and m.unit.first]
    alone = [m for m in inner if m.first.path in once and m.second.path in once_there]
    return Arrivals(alone, run, forced, twins.images)


def by_values(twins: Twins) -> Twins:
    for _ in range(ROUNDS):
        seen = arrivals(twins)
        groups = classes(seen.units, twins)
        swaps = {a: ends for group in groups for a, ends in swapped(group, seen).items()} or released(twins, seen)
        if not swaps:
            return exchanged(twins, groups, seen)
        twins = with_swaps(twins, swaps)
    return twins


def with_swaps(twins: Twins, swaps: Swaps) -> Twins:
    links = tuple(moved(link, twins.first.leaf(link.first.path), swaps) for link in twins.pairing.links)
    return replace(twins, pairing=replace(twins.pairing, links=links), begun=None, ends={})


def released(twins: Twins, seen: Arrivals) -> dict[str, tuple[str, str]]:
    """Units that get something else exchanged with their like of which one model calls the module only, where what
    reaches that is just this: which of two modules a model passes by, names alone cannot tell."""
    calls, own = (called_once(seen.run), called_once(seen.forced)), own_leaves(twins)
    lonely = [(c, d) for c, d in homes(twins) if (c in calls[0]) != (d in calls[1])]
    found: dict[str, tuple[str, str]] = {}
    for match in seen.units:
        a, b = match.first.path, match.second.path
        if are_called_alike(match) or seen.gap(match, match) < SURE:
            continue
        for c, d in lonely:
            here, there = calls[0].get(c, match.first), calls[1].get(d, seen.calls[match.second.key])
            if c not in found and own[c] == own.get(a) and seen.between(here, there) < SURE:
                found |= {a: (b, d), c: (d, b)}
                break
    return found


def called_once(run: Run) -> dict[str, Call]:
    often = {call.path for call in run.calls if "#" in call.key}
    return {call.path: call for call in run.calls if call.path not in often}


def homes(twins: Twins) -> list[tuple[str, str]]:
    """The modules of either model of which leaves are paired."""
    modules = [{leaf.path: leaf.module for leaf in model.leaves} for model in (twins.first, twins.second)]
    ends = [(link.first.path, link.second.path) for link in twins.pairing.links if link.why != "given"]
    return list(dict.fromkeys((modules[0][a], modules[1][b]) for a, b in ends))


def own_leaves(twins: Twins) -> dict[str, list[tuple[str, str, tuple[int, ...]]]]:
    """Of each module its own leaves, how they lie in the other model, and their shapes."""
    leaves = {leaf.path: leaf for leaf in twins.first.leaves}
    found: dict[str, list[tuple[str, str, tuple[int, ...]]]] = {}
    for link in twins.pairing.links:
        leaf = leaves[link.first.path]
        found.setdefault(leaf.module, []).append((leaf.name, link.pattern, leaf.shape))
    return {module: sorted(own) for module, own in found.items()}


def exchanged(twins: Twins, groups: Sequence[Sequence[Match]], seen: Arrivals) -> Twins:
    """The twins with those two units exchanged that get the same, where the names speak for it and fewer get something
    wrong then."""
    least = seen.astray()
    for one, two in islice(confused(groups, seen), TRIALS):
        ends = one.second.path, two.second.path
        trial = with_swaps(twins, {one.first.path: ends, two.first.path: ends[::-1]})
        if (left := arrivals(trial).astray()) < least:
            twins, least = trial, left
    return twins


def confused(groups: Sequence[Sequence[Match]], seen: Arrivals) -> Iterator[tuple[Match, Match]]:
    """Pairs of units of a class that get the same and of which each is called like the other's counterpart."""
    for one, two in (pair for group in groups for pair in combinations(group, 2)):
        same = all(seen.gap(a, b) < SURE for a in (one, two) for b in (one, two))
        if same and misnamed((one.first.path, two.first.path), (one.second.path, two.second.path)):
            yield one, two


def misnamed(first: tuple[str, str], second: tuple[str, str]) -> bool:
    """Whether names speak for pairing the two modules crosswise."""
    straight, crossed = (sum(map(unlikeness, first, ends)) for ends in (second, second[::-1]))
    return crossed < straight


def classes(found: Sequence[Match], twins: Twins) -> list[list[Match]]:
    """Units of the same kinds, of which the leaves have the same names, patterns and shapes, more than one of each;
    without leaves, those that take and give the same shapes."""
    groups: dict[object, list[Match]] = {}
    places = {leaf.path: leaf.place for leaf in twins.first.leaves}
    sizes = {leaf.path: leaf.shape for leaf in twins.first.leaves}
    for match in found:
        below = f"{match.first.path}."
        own = [link for link in twins.pairing.links if places[link.first.path].startswith(below)]
        if any(link.why == "given" for link in own):
            continue
        leaves = sorted(
            (places[link.first.path].removeprefix(below), link.pattern, sizes[link.first.path]) for link in own
        )
        values = [x for call in (match.first, match.second) for x in (*call.inputs.values(), *call.outputs.values())]
        kinds = match.first.kind, match.second.kind
        groups.setdefault((kinds, tuple(leaves or (x.shape for x in values))), []).append(match)
    return [group for group in groups.values() if len(group) > 1]


def swapped(group: Sequence[Match], seen: Arrivals) -> dict[str, tuple[str, str]]:
    """Units of a class that get another counterpart."""
    costs = np.array([[seen.gap(a, b) for b in group] for a in group])
    current = np.diag(costs)
    if (current < SURE).all():
        return {}
    wrong = [i for i, cost in enumerate(current) if cost >= SURE]
    gaps = costs[np.ix_(wrong, wrong)]
    doubt = np.where(gaps < SURE, 0.0, np.where(gaps < np.inf, 1.0, OTHER))
    stay = [NAMED if are_called_alike(group[i]) else STAY if current[i] < np.inf else OTHER / 2 for i in wrong]
    np.fill_diagonal(doubt, stay)
    rows, columns = linear_sum_assignment(doubt)
    better = {wrong[i]: wrong[j] for i, j in zip(rows, columns)}
    if not any(i != j and costs[i, j] < SURE for i, j in better.items()):
        return {}
    return {group[i].first.path: (group[i].second.path, group[j].second.path) for i, j in better.items() if i != j}


def are_called_alike(match: Match) -> bool:
    return words(match.first.path) == words(match.second.path)


def floating(values: Mapping[str, Array]) -> dict[str, Array]:
    return {name: value for name, value in values.items() if value.dtype.kind == "f"}


def moved(link: Link, leaf: Leaf, swaps: Swaps) -> Link:
    """The link with its second end in the module that the first end's module now has."""
    for path, (old, new) in swaps.items():
        if leaf.place.startswith(f"{path}."):
            return replace(link, second=replace(link.second, path=link.second.path.replace(old, new, 1)), why="values")
    return link
