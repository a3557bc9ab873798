"""Settles by running what names and shapes leave open: how a square matrix lies, in which order images were flattened.

Every innermost unit of the second model is made to take what the first's took; the layout is right under which it makes
the same of it. So each question is answered where it arises, whatever else is wrong with the model. Where several
answers would do that only go together (all images turned, and all kernels), the likeliest are taken together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice, product
from math import prod

import numpy as np

from crosscheck.models.model import Leaf, Look, Run
from crosscheck.pairing.fits import Fit, fits
from crosscheck.pairing.links import Link, Piece
from crosscheck.twins.forced import Match, back, forces, given_out, matches
from crosscheck.twins.layouts import distance, may_be_pooled
from crosscheck.twins.twins import Twins
from crosscheck.twins.units import units

SURE = 1e-3
"""A layout that brings the outputs nearer than this, and ten times nearer than the next, is the right one."""
MOST, TRIALS = 6, 24
"""Layouts that are tried of one leaf, and combinations of layouts that are tried in all."""


def settled(twins: Twins, look: Look) -> Twins:
    """The twins with every link's layout settled, as far as evidence goes; the rest is listed as open."""
    questions = {i: options(twins, link) for i, link in enumerate(twins.pairing.links)}
    if all(len(found) == 1 for found in questions.values()) and not may_flatten(twins, look):
        return twins
    try:
        ask, _ = twins.asks(twins.random, False, trace=True)
        run = twins.first.run(ask)
        first = try_out(twins, run, [found[0] for found in questions.values()])
    except Exception:
        return twins  # the ladder will say what is raised
    flat = flatten_links(twins, first[0])
    links = [flat.get(i, found[0]) for i, found in questions.items()]
    asked = {i: found for i, found in questions.items() if len(found) > 1 and i not in flat}
    kinds = list(dict.fromkeys(question(found) for found in asked.values()))
    tried = list(islice(product(*(range(count) for _, count in kinds)), TRIALS))
    choices = [dict(zip(kinds, trial)) for trial in tried]
    scores = [try_out(twins, run, chosen(links, asked, choice))[1] for choice in choices]
    module = {i: twins.first.leaf(links[i].first.path).module for i in asked}
    whole = next((k for k, score in enumerate(scores) if all(near(score, module[i]) < SURE for i in asked)), None)
    open_: list[str] = []
    for i, found in asked.items():
        at = [near(score, module[i]) for score in scores]
        best = int(np.argmin(at)) if whole is None else whole
        pick = choices[best][question(found)]
        others = [score for score, choice in zip(at, choices) if choice[question(found)] != pick]
        if at[best] < SURE and at[best] * 10 < min(others, default=np.inf):
            links[i] = replace(found[pick], why="evidence")
        else:
            links[i] = links[i] if whole is None else found[pick]
            open_.append(f"{links[i].first} may be laid out in {len(found)} ways: {links[i].pattern} is taken")
    return replace(twins, pairing=replace(twins.pairing, links=tuple(links), open=(*twins.pairing.open, *open_)))


def question(found: Sequence[Link]) -> tuple[str, int]:
    """Links that ask the same: leaves of one name, with as many layouts."""
    return found[0].first.path.rpartition(".")[2] + " ".join(link.pattern for link in found), len(found)


def chosen(
    links: Sequence[Link], asked: Mapping[int, Sequence[Link]], choice: Mapping[tuple[str, int], int]
) -> list[Link]:
    return [asked[i][choice[question(asked[i])]] if i in asked else link for i, link in enumerate(links)]


def near(scores: Mapping[str, float], module: str) -> float:
    """The score of the innermost unit around a module, or that."""
    while module and module not in scores:
        module = module.rpartition(".")[0]
    return scores.get(module, np.inf)


def options(twins: Twins, link: Link) -> list[Link]:
    """The link, and its other layouts if nothing told which it is."""
    if link.why in ("given", "gates", "axes", "shape"):
        return [link]
    one, two = (
        slot_of(model.leaf(piece.path), piece)
        for model, piece in ((twins.first, link.first), (twins.second, link.second))
    )
    found = {effect(link.pattern, one.shape): link}
    for fit in fits(one, two):
        found.setdefault(effect(fit.pattern, one.shape), replace(link, pattern=fit.pattern, sizes=dict(fit.sizes)))
    return list(found.values())[:MOST]


def effect(pattern: str, shape: tuple[int, ...]) -> str:
    """The pattern without the axes of length one, whose order changes nothing."""
    if "(" in pattern:
        return pattern
    left, right = (side.split() for side in pattern.split("->"))
    ones = {name for name, size in zip(left, shape) if size == 1}
    return " ".join(name for name in (*left, "->", *right) if name not in ones)


def slot_of(leaf: Leaf, piece: Piece) -> Leaf:
    shape = tuple(n // piece.slots if axis == piece.axis else n for axis, n in enumerate(leaf.shape))
    return replace(leaf, shape=shape)


def may_flatten(twins: Twins, look: Look) -> bool:
    """Whether the first model has images which a dense layer may take flat, in more than one order."""
    sizes = {size for leaf in twins.first.leaves if leaf.trainable and len(leaf.shape) == 2 for size in leaf.shape}
    channels = {c for shape in look.shapes if len(shape) > 2 for c in (shape[1], shape[-1])}
    return bool(twins.images) and any(may_be_pooled(size, c) for size in sizes for c in channels)


def try_out(twins: Twins, run: Run, links: Sequence[Link]) -> tuple[list[tuple[Match, Run]], dict[str, float]]:
    """Under these links: the matches with the forced run, and each unit's distance between the outputs, by its path."""
    tried = replace(twins, pairing=replace(twins.pairing, links=tuple(links)))
    _, ask = tried.asks(twins.random, False, trace=True)
    other = tried.second.run(ask)
    pairs = units(tried.first, tried.second, run.calls, other.calls, tried.pairing)
    found = matches(pairs, run, other, twins.images)
    forced = tried.second.run(replace(ask, forced=forces(found, inner=True)))
    found = matches(pairs, run, forced, twins.images)  # by values that no fault upstream has touched
    calls = {call.key: call for call in forced.calls}
    gaps = [
        distance(run.outputs[name], y)
        for name, y in back(other.outputs, given_out(run.outputs, other.outputs, twins.images)).items()
    ]
    scores: dict[str, float] = {"": max(gaps, default=np.inf)}
    for match in found:
        theirs = back(calls[match.unit.second].outputs, match.outputs)
        gaps = [distance(theirs[name], match.first.outputs[name]) for name in theirs]
        scores[match.unit.first.partition("#")[0]] = max(gaps, default=np.inf)
    return [(match, forced) for match in found], scores


def flatten_links(twins: Twins, found: Sequence[tuple[Match, Run]]) -> dict[int, Link]:
    """Dense layers that one model feeds with channels first and the other with channels last: their weights are carried
    with the same change of order."""
    changed = {}
    for match, _ in found:
        layout = next((fit for _, fit in match.inputs.values() if fit.pattern.count("(") == 2), None)
        path = match.unit.first.partition("#")[0]
        if layout is None or not match.unit.inner:
            continue
        size = prod(dict(layout.sizes).values())
        for i, link in enumerate(twins.pairing.links):
            leaf = twins.first.leaf(link.first.path)
            dense = path == leaf.module and len(leaf.shape) == 2 and not set("1(") & set(link.pattern)
            if dense and leaf.shape[inputs_axis(leaf)] == size:
                changed[i] = with_flat(link, inputs_axis(leaf), layout)
    return changed


def inputs_axis(leaf: Leaf) -> int:
    """The axis of a dense layer's matrix along which its inputs lie."""
    return leaf.axes.split().index("cin") if "cin" in leaf.axes.split() else 1


def with_flat(link: Link, axis: int, layout: Fit) -> Link:
    """ "cout cin -> cin cout" with "m (c h w) -> m (h w c)" is "cout0 (c h w) -> (h w c) cout0"."""
    left, right = (side.strip().partition(" ")[2] for side in layout.pattern.split("->"))
    names, there = (side.split() for side in link.pattern.split("->"))
    flat = names[axis]
    here, other = (
        " ".join(images if n == flat else f"{n}0" for n in side) for images, side in ((left, names), (right, there))
    )
    return replace(link, pattern=f"{here} -> {other}", sizes=dict(layout.sizes), why="flattened images")
