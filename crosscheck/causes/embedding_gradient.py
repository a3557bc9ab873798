"""The gradient by an embedding's table: what came back, added up by rows.

dE[v] = sum over places t with ids[t] = v of dY[t]          torch leaves the row of padding_idx at zero
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.site import Site
from crosscheck.causes.variant import Variant, family

cause(
    "embedding-padding-gradient",
    "embedding",
    "one side gives no gradient to the row of the padding's index, the other gives it one as to any row",
    "Embedding(padding_idx=p): the gradient by row p is zero",
    "Embed has no padding_idx: row p gets the gradient of every place at which it was looked up",
    "nn.Embedding(n, d) without padding_idx",
    "table = table.at[p].set(jax.lax.stop_gradient(table[p])) before it is looked up",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.Embedding.html",
)


@family
def rows(site: Site) -> Iterator[Variant]:
    kinds = {side.kind for side in site.sides}
    ids = site.inputs[-1] if site.inputs else None
    came = site.cotangent if site.cotangent is not None else next(iter(site.cotangents), None)
    if site.target != "gradient" or not kinds & {"Embedding", "Embed"} or ids is None or came is None:
        return
    if ids.dtype.kind not in "iu" or site.first.ndim != 2 or came.shape != (*ids.shape, site.first.shape[1]):
        return
    every = partial(gathered, site.first.shape, ids, came)
    yield Variant((), "a gradient for every row", every, coarse=True)  # flax keeps its tables in float32
    for p in np.unique(ids):
        says = f"none for row {p}"
        yield Variant(("embedding-padding-gradient",), says, partial(every, int(p)), coarse=True)


def gathered(shape: tuple[int, ...], ids: Array, came: Array, without: int = -1) -> Array:
    total = np.zeros(shape)
    np.add.at(total, ids.ravel(), came.reshape(-1, shape[1]))
    if without >= 0:
        total[without] = 0
    return total
