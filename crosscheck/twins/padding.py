"""Padded positions: what a model makes of them is a matter of convention, so they are compared apart from the rest.

An input of nothing but 0 and 1 is a mask if an output's axes begin with its own. Which of the two is padding is told by
looking: what the other inputs hold at padded positions does not reach the rest, and what they hold at the rest does
reach the rest and, unless nothing is made of padded positions at all, those too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.model import Arrays, Ask, Model
from crosscheck.twins.measure import rms

MOVED = 1e-6
"""What changes an output by less of itself than this did not reach it."""


@dataclass(frozen=True)
class Padding:
    """The mask's name, its value where there is padding, and those positions."""

    name: str
    value: int
    where: Array

    def covers(self, x: Array) -> bool:
        return begins(x, self.where)

    def apart(self, mine: Array, theirs: Array) -> tuple[Array, Array]:
        """`theirs` as `mine` has it at padded positions, and as it has it at the rest."""
        where = self.where.reshape(self.where.shape + (1,) * (mine.ndim - self.where.ndim))
        return np.where(where, mine, theirs), np.where(where, theirs, mine)

    def without(self, x: Array) -> Array:
        """Zero at padded positions."""
        return self.apart(np.zeros_like(x), x)[0] if self.covers(x) else x

    def __str__(self) -> str:
        return f"the {int(self.where.sum())} of {self.where.size} positions where {self.name} is {self.value}"


def begins(x: Array, where: Array) -> bool:
    """Whether the axes of x begin with these."""
    return tuple(x.shape[: where.ndim]) == tuple(where.shape)


def padding(model: Model, ask: Ask, outputs: Mapping[str, Array]) -> Padding | None:
    """The padding that one of a run's inputs tells of; `outputs` are those of that run."""
    for name, mask in masks(ask.inputs).items():
        shown = {n: y for n, y in outputs.items() if y.dtype.kind == "f" and begins(y, mask)}
        if not shown or not any(begins(x, mask) for other, x in ask.inputs.items() if other != name):
            continue
        try:
            runs = [model.run(replace(ask, inputs=changed(ask.inputs, mask == value))).outputs for value in (0, 1)]
        except Exception:
            continue  # a model that does not take just any numbers shows no padding
        reached = {(a, b): reaches(shown, runs[a], mask == b) for a, b in product((0, 1), repeat=2)}
        for value, rest in ((0, 1), (1, 0)):
            shut = not reached[value, rest] and reached[rest, rest]
            if shut and (reached[rest, value] or not reached[value, value]):
                return Padding(name, value, mask == value)
    return None


def masks(inputs: Mapping[str, Array]) -> Arrays:
    """Inputs of both 0 and 1 and nothing else, without axes of size 1 behind the first."""
    found = {n: x for n, x in inputs.items() if x.ndim > 1 and x.dtype.kind in "biuf" and set(np.unique(x)) == {0, 1}}
    return {n: x.reshape(x.shape[0], *(size for size in x.shape[1:] if size > 1)) for n, x in found.items()}


def changed(inputs: Mapping[str, Array], where: Array) -> Arrays:
    """Other numbers, of those that there are, at these positions of all inputs but masks."""
    rng, kept = np.random.default_rng(0), masks(inputs)
    found = {}
    for name, x in inputs.items():
        found[name] = x
        if name not in kept and begins(x, where):
            found[name] = x.copy()
            found[name][where] = rng.permutation(x.ravel()).reshape(x.shape)[where]
    return found


def reaches(before: Mapping[str, Array], after: Mapping[str, Array], where: Array) -> bool:
    """Whether any output has changed at these positions."""
    pairs = [(y[where], after[name][where]) for name, y in before.items()]
    return any(not np.allclose(x, y, MOVED, MOVED * rms(x), equal_nan=True) for x, y in pairs)
