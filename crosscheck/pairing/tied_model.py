"""A model some of whose parameters are held to be others of its own, as they are where they are tied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from crosscheck.models.model import Arrays, Ask, Leaf, Look, Model, Pool, Run
from crosscheck.pairing.fits import Fit

Ties = Mapping[str, tuple[str, Fit]]
"""By a parameter that is none of its own the one that it is, and how it is laid out of that."""


class TiedModel(Model):
    """`ties` are handed the values of what they are, unless a run is asked for with values of their own, and their
    gradients are added to that one's."""

    def __init__(self, model: Model, ties: Ties):
        self.model, self.ties = model, ties
        self.framework, self.name, self.notes = model.framework, model.name, model.notes
        self.home, self.machine = model.home, model.machine
        self.leaves = tuple(self.known(leaf) for leaf in model.leaves if leaf.path not in ties)

    def known(self, leaf: Leaf) -> Leaf:
        """The leaf with the paths that are tied to it among its own."""
        more = [path for path, (home, _) in self.ties.items() if home == leaf.path]
        return replace(leaf, aliases=(*leaf.aliases, *more))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def values(self) -> Arrays:
        """Those of the leaves, and of what is tied where it came with other values."""
        found = self.model.values()
        same = [path for path, (home, fit) in self.ties.items() if np.array_equal(found[path], fit.there(found[home]))]
        return {path: value for path, value in found.items() if path not in same}

    def completed(self, values: Mapping[str, Any]) -> Arrays:
        return {path: fit.there(values[home]) for path, (home, fit) in self.ties.items()} | dict(values)

    def asked(self, ask: Ask) -> Ask:
        return replace(ask, values=self.completed(ask.values))

    def is_apart(self, ask: Ask) -> bool:
        """Whether what is tied is asked for with values of its own."""
        return not self.ties.keys().isdisjoint(ask.values)

    def tied(self, ask: Ask) -> Ask:
        """The same without these."""
        return replace(ask, values={path: value for path, value in ask.values.items() if path not in self.ties})

    def run(self, ask: Ask) -> Run:
        run = self.model.run(self.asked(ask))
        gradients = {path: g for path, g in run.gradients.items() if path not in self.ties}
        for path, (home, fit) in self.ties.items():
            if path in run.gradients:
                gradients[home] = gradients[home] + fit.back(run.gradients[path])
        return replace(run, gradients=gradients)

    def look(self, ask: Ask) -> Look:
        return self.model.look(self.asked(ask))

    def draws(self, ask: Ask) -> bool:
        return self.model.draws(self.asked(ask))

    def pool(self, ask: Ask, instead: Mapping[int, Any] | None = None) -> Pool:
        return self.model.pool(self.asked(ask), instead)

    def kinds(self) -> Mapping[str, str]:
        return self.model.kinds()

    def config(self, path: str) -> Mapping[str, Any]:
        return self.model.config(path)

    def describe(self) -> Mapping[str, Any]:
        return self.model.describe()
