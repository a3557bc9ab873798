"""Layers of recurrent cells, in one direction or both, run over a whole sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.cells import WAYS, Cell, Ways, run
from crosscheck.causes.site import Site


class Recurrence:
    """Layers of cells with what they were given: x, and the states to start from, if any."""

    def __init__(self, site: Site, stack: list[list[Cell]]):
        self.site, self.stack = site, stack
        self.torch = site.sides[0].framework == "torch"
        width = stack[0][0].wi.shape[0]
        floats = [x for x in site.inputs if x.dtype.kind == "f"]
        cell = not any(x.ndim == 3 and x.shape[-1] == width for x in floats) or "Cell" in site.sides[0].kind
        self.whole = not cell
        rank = 2 if cell else 3
        taken = [x for x in (floats if self.torch else floats[::-1] if cell else floats) if x.ndim == rank]
        self.x = next((x for x in taken if x.shape[-1] == width), None)
        rest = [x for x in floats if x is not self.x]
        self.states = rest if self.torch else rest[::-1]
        config = site.sides[0].config
        self.time = int(not config.get("time_major", False)) if not self.torch else int(bool(config.get("batch_first")))

    def gives(self) -> list[str]:
        """Which of the layer's outputs have the shape that either side has."""
        assert self.x is not None
        n, count = self.x.shape[0 if self.time or not self.whole else 1], len(self.stack) * len(self.stack[0])
        h, c = (self.stack[0][0].wh.shape[0], self.stack[0][0].bi.shape[1])
        shapes = {"sequence": [(*self.x.shape[:2], h * len(self.stack[0]))] if self.whole else []}
        shapes |= {"h": [(count, n, h), (n, h)], "c": [(count, n, c), (n, c)] * (self.stack[0][0].gates == "ifgo")}
        return [name for name, some in shapes.items() if self.site.first.shape in some]

    def small(self) -> Site:
        """One example alone."""
        return replace(self.site, first=self.one(self.site.first), second=self.one(self.site.second))

    def one(self, y: Array) -> Array:
        return y.take([0], self.batch(y))

    def batch(self, y: Array) -> int:
        """The axis of examples of what the layer gives."""
        if y.ndim < 3:
            return 0
        sequence = self.whole and self.x is not None and y.shape[:2] == self.x.shape[:2]
        return 1 - self.time if sequence else 1

    def make(self, at: Site, start: str, what: str, time: int = 1, **ways: Any) -> Array:
        order = {name: ways.pop(name) for name in ("back", "kept", "joined", "stacked") if name in ways}
        how = Ways(**{name: value for name, value in ways.items() if name in WAYS})
        assert self.x is not None
        x = np.moveaxis(self.x, time, 1) if self.whole else self.x[:, None]
        other = time != self.time
        if at is not self.site and not other:
            x = x[:1]
        y, h, c = self.stacked(x, start, how, **order)
        if what != "sequence":
            found = h if what == "h" else c
            found = found if self.site.first.ndim == 3 else found[-1]
        else:
            found = np.moveaxis(y, 1, time)
        return self.one(found) if at is not self.site and other else found

    def stacked(
        self,
        x: Array,
        start: str,
        how: Ways,
        back: bool = False,
        kept: bool = True,
        joined: Sequence[int] = (0,),
        stacked: str = "layers",
    ) -> tuple[Array, Array, Array]:
        hs, cs = [], []
        both = len(self.stack[0]) == 2
        for k, layer in enumerate(self.stack):
            outputs = []
            for d, cell in enumerate(layer):
                h, c = self.begin(cell, len(x), k * len(layer) + d, start)
                reverse = back and (d == 1 or not both)
                y, h, c = run(cell, x[:, ::-1] if reverse else x, h, c, how)
                outputs.append(y[:, ::-1] if reverse and kept else y)
                hs.append(h)
                cs.append(c)
            x = np.concatenate([outputs[d] for d in joined] if both else outputs, -1)
        at = list(range(len(hs)))
        at = at[::2] + at[1::2] if stacked == "directions" and both else at
        return x, np.stack([hs[i] for i in at]), np.stack([cs[i] for i in at])

    def begin(self, cell: Cell, n: int, place: int, start: str) -> tuple[Array, Array]:
        wide = cell.bi.shape[1]
        sizes = (cell.wh.shape[0], wide)
        if start == "zeros" or not self.states:
            return np.zeros((n, sizes[0])), np.zeros((n, sizes[1]))
        given = [state[place] if state.ndim == 3 else state for state in self.states]
        given = [np.broadcast_to(state[:n], (n, state.shape[-1])) for state in given]
        if start == "swapped":
            given = given[::-1]
        return given[0], given[1] if len(given) > 1 else np.zeros((n, sizes[1]))
