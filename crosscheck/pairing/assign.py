"""The likeliest one-to-one pairing of leaves, as assignment problems over names, shapes, kinds and order of use: first
of what tells modules apart best, their weights; then of the rest, which stays with the weights of its module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
from scipy.optimize import linear_sum_assignment

from crosscheck.axes import Array
from crosscheck.models.model import Leaf
from crosscheck.models.torch_axes import RECURRENT
from crosscheck.pairing.fits import fits
from crosscheck.pairing.names import role, side, title, unlikeness
from crosscheck.pairing.neighbours import Neighbours, Pair

IMPOSSIBLE = 1e6
STRANGERS, TORN, CROSSED, AWAY = 10.0, 2.0, 2.0, 3.0
"""What it costs to pair leaves of modules that others are paired with, a norm's with what stands alone, what takes the
input with what takes the state, and what is not called, or is a norm's, with what has other neighbours."""
Owners = set[tuple[str, str]]
"""Modules of either model of which leaves have been paired."""


def assign(
    first: Sequence[Leaf], second: Sequence[Leaf], used: Mapping[str, int], used_there: Mapping[str, int], known: Owners
) -> list[Pair]:
    """Pairs of leaves that fit each other; `used` says when each is first used."""
    lone = alone(first), alone(second)
    leading, leading_there = leaders(first, {a for a, _ in known}), leaders(second, {b for _, b in known})
    pairs = solved(leading, leading_there, used, used_there, known, lone)
    known = known | {(home(a), home(b)) for a, b in pairs}
    taken = {leaf.path for leaf, _ in pairs}, {leaf.path for _, leaf in pairs}
    rest, rest_there = (
        [leaf for leaf in leaves if leaf.path not in done] for leaves, done in zip((first, second), taken)
    )
    return pairs + solved(rest, rest_there, used, used_there, known, lone)


def leaders(leaves: Sequence[Leaf], known: set[str]) -> list[Leaf]:
    """Matrices and kernels; of a module that has none (a norm) its first leaf; what modules around others own, each."""
    large = {leaf.owner for leaf in leaves if len(leaf.shape) > 1} | known
    outer, lone = containers(leaves), dict[str, Leaf]()
    for leaf in sorted(leaves, key=lambda leaf: (not leaf.trainable, role(leaf) != "scale")):
        lone.setdefault(leaf.owner, leaf)

    def leads(leaf: Leaf) -> bool:
        first = leaf.owner in outer or leaf is lone[leaf.owner]
        return len(leaf.shape) > 1 or (leaf.owner not in large and first)

    return [leaf for leaf in leaves if leads(leaf)]


def containers(leaves: Sequence[Leaf]) -> set[str]:
    """Modules around others that own leaves."""
    parts = [leaf.owner.split(".") for leaf in leaves]
    return {"", *(".".join(path[:i]) for path in parts for i in range(1, len(path)))}


def alone(leaves: Sequence[Leaf]) -> set[str]:
    """Vectors that are the only trained leaf of their module, or that a module around others owns: not those of a norm
    with scale and bias."""
    outer, count = containers(leaves), Counter(leaf.owner for leaf in leaves if leaf.trainable)
    return {leaf.path for leaf in leaves if len(leaf.shape) < 2 and (leaf.owner in outer or count[leaf.owner] < 2)}


def solved(
    first: Sequence[Leaf],
    second: Sequence[Leaf],
    used: Mapping[str, int],
    used_there: Mapping[str, int],
    known: Owners,
    lone: tuple[set[str], set[str]],
) -> list[Pair]:
    if not first or not second:
        return []
    costs = cost_matrix(first, second, used, used_there, known, lone)
    pairs = cheapest(costs, first, second)
    sure = [(a, b) for a, b in pairs if is_sure(a, used) and is_sure(b, used_there)]
    if not used or not used_there or not 0 < len(sure) < len(pairs):
        return pairs
    beside = Neighbours(sure)
    for i, j in np.argwhere(costs < IMPOSSIBLE):
        if not (is_sure(first[i], used) and is_sure(second[j], used_there)):
            costs[i, j] += AWAY * beside.apart(first[i], second[j])
    return cheapest(costs, first, second)


def is_sure(leaf: Leaf, used: Mapping[str, int]) -> bool:
    """Whether names and order tell it as well as anything: the matrix of a module that is called."""
    return leaf.path in used and len(leaf.shape) > 1


def cheapest(costs: Array, first: Sequence[Leaf], second: Sequence[Leaf]) -> list[Pair]:
    rows, columns = linear_sum_assignment(costs)
    return [(first[i], second[j]) for i, j in zip(rows, columns) if costs[i, j] < IMPOSSIBLE]


def cost_matrix(
    first: Sequence[Leaf],
    second: Sequence[Leaf],
    used: Mapping[str, int],
    used_there: Mapping[str, int],
    known: Owners,
    lone: tuple[set[str], set[str]],
) -> Array:
    """What speaks against each pair. A class is a role and a size; within one the leaves' order counts."""
    places, places_there = ranks(first, used), ranks(second, used_there)
    costs = np.full((len(first), len(second)), IMPOSSIBLE)
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            if prod(a.shape) == prod(b.shape) and compatible(a, b) and fits(a, b):
                order = out_of_order(places.get(a.path), places_there.get(b.path))
                torn = (a.path in lone[0]) != (b.path in lone[1])
                costs[i, j] = against(a, b) + order + TORN * torn + STRANGERS * strangers(home(a), home(b), known)
    return costs


def home(leaf: Leaf) -> str:
    """The module that owns a leaf; of torch's recurrent ones the part: "weight_ih_l0" lives with "bias_ih_l0"."""
    part = leaf.name.partition("_")[2] if leaf.kind in RECURRENT else ""
    return f"{leaf.owner}.{part}" if part else leaf.owner


def strangers(a: str, b: str, known: Owners) -> bool:
    """Whether either module has been paired, with another one."""
    return (a, b) not in known and any(a == one or b == other for one, other in known)


def compatible(a: Leaf, b: Leaf) -> bool:
    """A running variance is no bias; where a name does not tell, only training tells them apart."""
    return a.trainable == b.trainable and (role(a) == role(b) or not role(a) or not role(b))


def against(a: Leaf, b: Leaf) -> float:
    """How unlike two leaves are by name and by what their axes mean."""
    meant = fits(a, b)[0].told or not a.axes or not b.axes
    return (
        3 * unlikeness(title(a), title(b))
        + (role(a) != role(b))
        + 2 * (not meant)
        + 0.5 * (sorted(a.shape) != sorted(b.shape))
        + CROSSED * crossed(a, b)
    )


def crossed(a: Leaf, b: Leaf) -> bool:
    """Whether one is a recurrent layer's leaf for the input and the other for the state."""
    recurrent = a.kind in RECURRENT or b.kind in RECURRENT
    return recurrent and {side(a), side(b)} == {"input", "state"}


def ranks(leaves: Sequence[Leaf], used: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """The place of each leaf among those of its role and size, in order of use, and how many they are; nothing for
    those that are passed by."""
    classes: dict[tuple[str, int], list[Leaf]] = {}
    for leaf in leaves:
        if leaf.path in used or not used:
            classes.setdefault((role(leaf), prod(leaf.shape)), []).append(leaf)
    found = {}
    for members in classes.values():
        for place, leaf in enumerate(sorted(members, key=lambda leaf: used.get(leaf.path, 0))):
            found[leaf.path] = place, len(members)
    return found


def out_of_order(place: tuple[int, int] | None, there: tuple[int, int] | None) -> float:
    if place is None or there is None:
        return 0.0
    (i, n), (j, m) = place, there
    if n != m:
        return 0.2 * min(abs(i / n - j / m) * max(n, m), 5)
    away = min(abs(i - j), 5)
    return 1.2 * away * (1 + 0.02 * away)  # so that of two a little out of order none overtakes the other
