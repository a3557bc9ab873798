"""Masks that own code makes of whole numbers: which indices are padding, which positions lie within a length.

m[n t] = ids[n t] != padding          m[n t] = t < length[n]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.site import Site
from crosscheck.causes.sources import distinct
from crosscheck.causes.variant import Variant, family

cause(
    "mask-other-index",
    "wiring",
    "the masks mark different indices: another one is taken for padding",
    "ids != padding_idx",
    "ids != 0; nnx.Embed knows of no padding",
    "compare with the index that JAX has",
    "compare with the index that torch has",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.Embedding.html",
)
cause(
    "mask-length-offset",
    "wiring",
    "the masks end at different positions of a sequence: the length itself takes part on one side",
    "torch.arange(t) < lengths[:, None]",
    "jnp.arange(t) < lengths[:, None]",
    "<, as positions count from 0",
    "<, as positions count from 0",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pad_packed_sequence.html",
)

MOST, OFFSETS = 16, (0, 1, -1)
INVERTED = "mask-inverted"


@family
def marked(site: Site) -> Iterator[Variant]:
    """What is one index, or above it; what lies within a length."""
    if site.target != "value" or not all(is_marks(side) for side in (site.first, site.second)):
        return
    for x in distinct(x for x in (*site.inputs, *site.given) if x.dtype.kind in "iu"):
        yield from by_index(site, x)
        yield from by_length(site, x)


def is_marks(x: Array) -> bool:
    return x.dtype.kind in "iu" and x.ndim > 1 and bool(np.all((x == 0) | (x == 1)))


def by_index(site: Site, x: Array) -> Iterator[Variant]:
    """The same size; any axes of one element."""
    if x.size != site.first.size or len(x) != len(site.first):
        return
    values = x.reshape(site.first.shape)
    for k in np.unique(values)[:MOST]:
        for what, marks in ((f"{k}", values == k), (f"above {k}", values > k)):
            yield from either_way(what, marks, "mask-other-index")


def by_length(site: Site, x: Array) -> Iterator[Variant]:
    if x.ndim > 2 or x.size != len(site.first) or len(x) != len(site.first):
        return
    at = np.arange(site.first.shape[-1])
    lengths = x.reshape(-1, *[1] * (site.first.ndim - 1))
    for k in OFFSETS:
        marks = np.broadcast_to(at < lengths + k, site.first.shape)
        yield from either_way(f"below the length{k:+d}" if k else "below the length", marks, "mask-length-offset")


def either_way(what: str, marks: Array, otherwise: str) -> Iterator[Variant]:
    for sense, array in (("marked", marks), ("not marked", ~marks)):
        make = partial(np.asarray, array, np.int64)
        yield Variant((), f"what is {what} is {sense}", make, sense, INVERTED, ((what, otherwise),))
