"""Settles by running what names and shapes leave open: how a square matrix lies, in which order images were flattened.

Every innermost unit of the second model is made to take what the first's took; the layout is right under which it makes
the same of it. So each question is answered where it arises, whatever else is wrong with the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from crosscheck.models.model import Leaf, Run
from crosscheck.pairing.fits import Fit, fits
from crosscheck.pairing.links import Link
from crosscheck.twins.forced import Match, back, forces, matches
from crosscheck.twins.ladder import Twins
from crosscheck.twins.layouts import distance
from crosscheck.twins.units import units

SURE = 1e-3
"""A layout that brings the outputs nearer than this, and ten times nearer than the next, is the right one."""
MOST = 6
"""Layouts that are tried of one leaf."""


def settled(twins: Twins) -> Twins:
    """The twins with every link's layout settled, as far as evidence goes; the rest is listed as open."""
    questions = {i: options(twins, link) for i, link in enumerate(twins.pairing.links)}
    if all(len(found) == 1 for found in questions.values()) and not may_flatten(twins):
        return twins
    try:
        ask, _ = twins.asks(twins.random, False, trace=True)
        run = twins.first.run(ask)
        first = try_out(twins, run, [found[0] for found in questions.values()])
    except Exception:
        return twins  # the ladder will say what is raised
    flat = flatten_links(twins, first[0])
    links = [flat.get(i, found[0]) for i, found in questions.items()]
    rounds = [
        [found[min(n, len(found) - 1)] for found in questions.values()]
        for n in range(max(map(len, questions.values())))
    ]
    scores = [first[1], *(try_out(twins, run, choice)[1] for choice in rounds[1:])]
    open_: list[str] = []
    for i, found in questions.items():
        if len(found) > 1 and i not in flat:
            links[i], sure = decided(found, [score.get(owner(links[i]), np.inf) for score in scores], links[i])
            open_ += (
                [] if sure else [f"{links[i].first} may be laid out as {len(found)} ways; {links[i].pattern} is taken"]
            )
    return replace(twins, pairing=replace(twins.pairing, links=tuple(links), open=(*twins.pairing.open, *open_)))


def options(twins: Twins, link: Link) -> list[Link]:
    """The link, and its other layouts if nothing told which it is."""
    if link.why in ("given", "gates", "axes", "shape") or link.first.slots > 1 or link.second.slots > 1:
        return [link]
    one, two = twins.first.leaf(link.first.path), twins.second.leaf(link.second.path)
    every = [replace(link, pattern=fit.pattern, sizes=dict(fit.sizes)) for fit in fits(one, two)]
    return ([link] + [other for other in every if other.pattern != link.pattern])[:MOST]


def may_flatten(twins: Twins) -> bool:
    """Whether the first model has convolutions ahead of dense layers."""
    ranks = {len(leaf.shape) for leaf in twins.first.leaves if leaf.trainable}
    return 2 in ranks and bool(ranks & {3, 4, 5}) and twins.images


def owner(link: Link) -> str:
    return link.first.path.rpartition(".")[0]


def try_out(twins: Twins, run: Run, links: Sequence[Link]) -> tuple[list[tuple[Match, Run]], dict[str, float]]:
    """Under these links: the matches with the forced run, and each unit's distance between the outputs, by its path."""
    tried = replace(twins, pairing=replace(twins.pairing, links=tuple(links)))
    _, ask = tried.asks(twins.random, False, trace=True)
    other = tried.second.run(ask)
    pairs = units(tried.first, tried.second, run.calls, other.calls, tried.pairing)
    found = matches(pairs, run, other, twins.images)
    forced = tried.second.run(replace(ask, forced=forces(found)))
    found = matches(pairs, run, forced, twins.images)  # by values that no fault upstream has touched
    calls = {call.key: call for call in forced.calls}
    scores: dict[str, float] = {}
    for match in found:
        theirs = back(calls[match.unit.second].outputs, match.outputs)
        gaps = [distance(theirs[name], match.first.outputs[name]) for name in theirs]
        scores[match.unit.first.partition("#")[0]] = max(gaps, default=np.inf)
    return [(match, forced) for match in found], scores


def decided(found: Sequence[Link], scores: Sequence[float], usual: Link) -> tuple[Link, bool]:
    """The layout with the least distance, and whether it is clearly the right one."""
    tried = list(zip(scores, range(len(found))))
    (best, at), *others = sorted(tried)
    if best < SURE and (not others or others[0][0] > 10 * best):
        return replace(found[at], why="evidence"), True
    return usual, False


def flatten_links(twins: Twins, found: Sequence[tuple[Match, Run]]) -> dict[int, Link]:
    """Dense layers that one model feeds with channels first and the other with channels last: their weights are carried
    with the same change of order."""
    changed = {}
    for match, _ in found:
        layout = next((fit for _, fit in match.inputs.values() if "(" in fit.pattern), None)
        path = match.unit.first.partition("#")[0]
        if layout is None or not match.unit.inner:
            continue
        for i, link in enumerate(twins.pairing.links):
            if owner(link) == path and len(twins.first.leaf(link.first.path).shape) == 2:
                changed[i] = with_flat(link, twins.first.leaf(link.first.path), layout)
    return changed


def with_flat(link: Link, leaf: Leaf, layout: Fit) -> Link:
    """ "cout cin -> cin cout" with "m (c h w) -> m (h w c)" is "cout (c h w) -> (h w c) cout"."""
    left, right = (side.strip().partition(" ")[2] for side in layout.pattern.split("->"))
    names, there = (side.split() for side in link.pattern.split("->"))
    axis = leaf.axes.split().index("cin") if "cin" in leaf.axes.split() else len(names) - 1
    flat = names[axis]
    pattern = (
        f"{' '.join(left if n == flat else n for n in names)} -> {' '.join(right if n == flat else n for n in there)}"
    )
    return replace(link, pattern=pattern, sizes=dict(layout.sizes), why="flattened images")
