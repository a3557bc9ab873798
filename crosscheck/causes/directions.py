"""Layers of recurrent cells in the code around them: what they would give if they ran the other way.

forward   h_t = f(x_t, h_(t-1)), from zeros          backward  h_t = f(x_t, h_(t+1)), given at step t or as it was made
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.cells import Cell, Ways, every_cell, run
from crosscheck.causes.options import also_coarse, close
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, sources
from crosscheck.causes.variant import ANY, Variant, family

MOST, LONG = 100, 2**21
"""Sources that are looked at; steps times parameters of what is run."""
BACKWARD, AS_MADE = "run backward", ", its outputs in the order they were made"


@family
def either_way(site: Site) -> Iterator[Variant]:
    """All steps, or the last state, of the layers around, of every sequence that may go in."""
    if not alone(site) or site.first.ndim not in (2, 3) or site.first.shape != site.second.shape:
        return
    for path, cell in every_cell(site.weights).items():
        for x in sources(site, MOST):
            fits = x.ndim == 3 and x.dtype.kind == "f" and x.shape[-1] == cell.wi.shape[0]
            if fits and cell.wh.shape[0] == site.first.shape[-1] and x.shape[1] * cell.wh.size <= LONG:
                yield from also_coarse(runs(site, path, cell, x))


def runs(site: Site, path: str, cell: Cell, x: Array) -> Iterator[Variant]:
    for time in (1, 0):
        forward, backward = (made(cell, np.moveaxis(x, time, 1)[:, ::step], time) for step in (1, -1))
        ways = {
            ("run forward", ANY): forward,
            (BACKWARD, "in the order of the steps"): (np.flip(backward[0], time), *backward[1:]),
            (BACKWARD, AS_MADE): backward,
        }
        for (way, order), parts in ways.items():
            for what, y in zip(("", "the last h of ", "the last c of "), parts):
                if any(close(site, side, y) for side in (site.first, site.second)):
                    says = f"{what}`{path}` {way}{order * (order == AS_MADE and not what)}"
                    more = ((order if not what else ANY, "rnn-keep-order"), (f"{path} {what} {time}", ""))
                    yield Variant((), says, partial(np.asarray, y), way, "rnn-reverse", more)


def made(cell: Cell, x: Array, time: int) -> tuple[Array, Array, Array]:
    """Every h, with time where it was, and the last h and c."""
    h, c = (np.zeros((len(x), n)) for n in (cell.wh.shape[0], cell.bi.shape[1]))
    y, h, c = run(cell, x, h, c, Ways())
    return np.moveaxis(y, 1, time), h, c
