"""Watching and forcing the calls of a reference net's modules: every call passes here while a pass is made.

The reference has examples as columns. At this border they come first, as in the other frameworks: "n m" is turned into
"m n", "n m t" into "m t n"; images are "m h w c" already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.model import NOTHING, Ask, Call, call_key
from crosscheck.models.shelf import Shelf
from crosscheck.models.trees import flatten, rebuild
from reference.module import Mode, Module

OUT = {2: (1, 0), 3: (1, 2, 0)}
INTO = {2: (1, 0), 3: (2, 0, 1)}
PLAIN = Mode()

Pullback = Callable[..., Any]


def out(x: Array) -> Array:
    """Examples first."""
    return np.asarray(x).transpose(OUT.get(np.ndim(x), range(np.ndim(x))))


def into(x: Array) -> Array:
    """As the reference has it; read-only, for it writes into nothing."""
    turned = np.array(x.transpose(INTO.get(x.ndim, range(x.ndim))), order="C")
    turned.flags.writeable = False
    return turned


def is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)


class Watcher:
    """Records calls; forces those that are asked for, forward and backward. `taken` is what the module that runs now
    was given."""

    def __init__(self, ask: Ask):
        self.forced = ask.forced
        self.calls: list[Call] = []
        self.stack: list[Call] = []
        self.counts: dict[str, int] = {}
        self.taken: Array = np.zeros(0)
        self.shelf = Shelf()

    @contextmanager
    def watching(self) -> Iterator[None]:
        plain = Module.__call__

        def watched(module: Any, p: Any, s: Any, *X: Any, mode: Any = PLAIN) -> Any:
            call, taken = self.enter(mode.path, type(module).__name__, X)
            Y, s, back = module.apply(p, s, *taken, mode=mode)
            given, back = self.leave(call, X, Y, back)
            return given, s, back

        Module.__call__ = watched
        try:
            yield
        finally:
            Module.__call__ = plain

    def enter(self, path: str, kind: str, X: tuple[Any, ...]) -> tuple[Call, tuple[Any, ...]]:
        call = Call(call_key(path, self.counts), kind, self.stack[-1].key if self.stack else None)
        self.stack.append(call)
        given = flatten(X, is_array)
        call.inputs = {name: self.kept(x) for name, x in given.items()}
        taken = instead(given, self.forced.get(call.key, NOTHING).inputs)
        self.taken = next(iter(taken.values()), self.taken)
        return call, rebuild(X, taken)

    def leave(self, call: Call, X: Any, Y: Any, back: Pullback) -> tuple[Any, Pullback]:
        """What goes on, and the pullback that records what comes back by it."""
        self.stack.pop()
        self.calls.append(call)
        forced, made = self.forced.get(call.key, NOTHING), flatten(Y, is_array)
        call.outputs = {name: self.kept(y) for name, y in made.items()}
        names = [name for name, x in flatten(X, is_array).items() if x.dtype.kind == "f"]

        def recorded(*dY: Any) -> Any:
            came = dict(zip(made, dY))
            call.cotangents = {name: self.kept(u) for name, u in came.items()}
            dp, *dX = back(*instead(came, forced.cotangents).values())
            handed = dict(zip(names, dX))
            call.input_cotangents = {name: self.kept(u) for name, u in handed.items() if is_array(u)}
            return dp, *instead(handed, forced.input_cotangents).values(), *dX[len(names) :]

        return rebuild(Y, instead(made, forced.outputs)), recorded

    def kept(self, x: Array) -> Array:
        return self.shelf.keep(out(x), copy=False)


def instead(own: dict[str, Any], forced: Mapping[str, Array]) -> dict[str, Any]:
    """Arrays with those that are forced, where they fit, in the place of their own."""
    turned = {name: into(value) for name, value in forced.items() if name in own}
    fitting = {name for name, value in turned.items() if value.shape == np.shape(own[name])}
    return {name: turned[name] if name in fitting else x for name, x in own.items()}
