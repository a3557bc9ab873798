"""A net of the reference, opened for comparison: alone, with parameters, or with parameters and running state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.model import Arrays, Ask, Leaf, Look, Model, Run, cast, plain
from crosscheck.models.reference_watch import Watcher, into, is_array, out
from crosscheck.models.trees import flatten as flatten_outputs
from crosscheck.names import nearest
from reference.module import Mode, Sequence, flatten, nest, shape_of, walk

MEANINGS = {"n_prev": "cin", "c_prev": "cin", "c_group": "cin", "n": "cout", "c": "cout", "fh": "kh", "fw": "kw"}


class ReferenceModel(Model):
    """Inputs and outputs have examples first at the border: reference_watch.py."""

    framework = "numpy"

    def __init__(self, given: Any, values: Any = None):
        self.net, self.notes, self.name = given, [], type(given).__name__
        self.parts = {path: part for path, part in walk(given) if not isinstance(part, Sequence)}
        self.leaves = tuple(self.every_leaf())
        self.given = self.drawn() if values is None else self.filled(values)
        if values is None:
            self.notes.append(f"{self.name} came without parameters: its initial ones were drawn")

    def every_leaf(self) -> list[Leaf]:
        return [
            Leaf(
                f"{path}.{name}" if path else name,
                shape_of(part, axes),
                "float64",
                trainable,
                type(part).__name__.removesuffix("Transpose"),  # whose kernel is not turned, as in torch
                axes_names(axes),
            )
            for trainable, kind in ((True, "params"), (False, "state"))
            for path, part in self.parts.items()
            for name, axes in getattr(part, kind).items()
        ]

    def drawn(self) -> Arrays:
        """He's initial weights; scales and variances one, all else zero."""
        rng = np.random.default_rng(0)
        return {leaf.path: initial(rng, leaf) for leaf in self.leaves}

    def filled(self, values: Any) -> Arrays:
        """Nested or flat parameters, or a pair of these and the state. Raises ValueError unless they are the net's."""
        pair = values if isinstance(values, tuple) and len(values) == 2 else (values, {})
        found = {name: np.asarray(x) for part in pair for name, x in flatten(part).items()}
        known = {leaf.path: leaf for leaf in self.leaves}
        for name in found:
            if name not in known:
                raise ValueError(f"parameters of {self.name} have {name!r}{nearest(name, known)}")
        for name, leaf in known.items():
            if name not in found and leaf.trainable:
                raise ValueError(f"parameters of {self.name} lack {name!r} {leaf.shape}")
            if name in found and found[name].shape != leaf.shape:
                raise ValueError(f"parameters of {self.name}: {name!r} is {found[name].shape}; expected {leaf.shape}")
        return self.drawn() | found

    def values(self) -> Arrays:
        return dict(self.given)

    def kinds(self) -> Mapping[str, str]:
        return {path: type(part).__name__ for path, part in self.parts.items()}

    def config(self, path: str) -> Mapping[str, Any]:
        part = self.parts[path]
        settings = {f.name: getattr(part, f.name) for f in fields(part)} if is_dataclass(part) else {}
        return {name: value for name, value in settings.items() if plain(value)}

    def look(self, ask: Ask) -> Look:
        run = self.run(ask)
        return Look.of(run.calls, run.outputs)

    def draws(self, ask: Ask) -> bool:
        """Whether anything but the elements of an array is kept or dropped: whole examples, say."""
        unshared: list[str] = []
        self.forward(ask, Watcher(ask), unshared)
        return bool(unshared)

    def run(self, ask: Ask) -> Run:
        watcher = Watcher(ask)
        with np.errstate(all="ignore"):
            Y, s, back = self.forward(ask, watcher, [])
            made = flatten_outputs(Y, is_array)
            run = Run({name: out(y) for name, y in made.items()}, state=self.state_after(ask, s), calls=watcher.calls)
            if ask.cotangents is not None:
                self.differentiate(ask, run, made, back, watcher)
        return run

    def forward(self, ask: Ask, watcher: Watcher, unshared: list[str]) -> Any:
        rng = np.random.default_rng(ask.seed)

        def uniform(path: str, shape: tuple[int, ...]) -> Array:
            """Dropout's numbers from the values themselves, as in masks.py; others are noted."""
            if shape == watcher.taken.shape:
                return shares(watcher.taken)
            unshared.append(path)
            return rng.random(shape)

        values = {leaf.path: cast(ask.values[leaf.path], ask.dtype) for leaf in self.leaves}
        p, s = ({k.path: values[k.path] for k in self.leaves if k.trainable == kind} for kind in (True, False))
        X = [into(cast(x, ask.dtype)) for x in ask.inputs.values()]
        with watcher.watching():
            return self.net(nest(p), nest(s), *X, mode=Mode(ask.train, uniform))

    def state_after(self, ask: Ask, s: Any) -> Arrays:
        before = {leaf.path: np.asarray(ask.values[leaf.path]) for leaf in self.leaves if not leaf.trainable}
        after: Arrays = before | flatten(s)
        return after

    def differentiate(self, ask: Ask, run: Run, made: Mapping[str, Array], back: Any, watcher: Watcher) -> None:
        given = ask.cotangents or {}
        dY = [into(given[name]) if name in given else np.zeros(y.shape) for name, y in made.items()]
        dp, *dX = back(*dY)
        zeros = {leaf.path: np.zeros(leaf.shape) for leaf in self.leaves if leaf.trainable}
        run.gradients = zeros | {name: watcher.shelf.keep(np.asarray(g), copy=False) for name, g in flatten(dp).items()}
        names = [name for name, x in ask.inputs.items() if x.dtype.kind == "f"]
        run.input_gradients = {name: out(g) for name, g in zip(names, dX) if is_array(g)}


def axes_names(axes: str) -> str:
    """The reference's names of a parameter's axes in the words that are common to all: "n n_prev" is "cout cin"."""
    names = axes.split()
    if sum(name != "1" for name in names) == 1:
        return " ".join("c" if name != "1" else f"one{i}" for i, name in enumerate(names))
    return " ".join(MEANINGS[name] for name in names) if all(name in MEANINGS for name in names) else ""


def initial(rng: np.random.Generator, leaf: Leaf) -> Array:
    if sum(n != 1 for n in leaf.shape) > 1:
        fan = np.prod(leaf.shape[1:] if len(leaf.shape) == 2 else leaf.shape[:-1])
        return np.asarray(rng.standard_normal(leaf.shape) * np.sqrt(2 / fan))
    return np.ones(leaf.shape) if leaf.name in ("gamma", "sigma2") else np.zeros(leaf.shape)


def shares(x: Array) -> Array:
    """Numbers on [0, 1) of the values themselves: `keep` of masks.py is shares(x) < 1 - rate."""
    scaled = 61.8 * x / (np.sqrt((x * x).mean()) + 1e-30)
    return np.asarray(scaled - np.floor(scaled))
