"""Values put side by side, and values cut apart: which, in what order, in one piece or every second element."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, each, floats, near, part
from crosscheck.causes.variant import BETWEEN, Variant, family, of

CAT = "https://docs.pytorch.org/docs/stable/generated/torch.cat.html"
CHUNK = "https://docs.pytorch.org/docs/stable/generated/torch.chunk.html"

cause(
    "concat-order",
    "wiring",
    "values are concatenated in another order",
    "torch.cat([a, b], dim=1)",
    "jnp.concatenate([a, b], axis=-1)",
    "torch.cat([b, a], dim=1)",
    "jnp.concatenate([b, a], axis=-1), or exchange the rows of the next kernel",
    CAT,
)
cause(
    "concat-other-value",
    "wiring",
    "another value is concatenated: a skip connection from a different place",
    "torch.cat([up, skip], dim=1)",
    "jnp.concatenate([up, skip], axis=-1)",
    "hand on the skip that JAX takes",
    "hand on the skip that torch takes",
    "https://arxiv.org/abs/1505.04597",
)
cause(
    "concat-interleaved",
    "wiring",
    "one side puts values one after the other, the other side interleaves their elements",
    "torch.cat([a, b], -1): a0 a1 ... b0 b1 ...",
    "jnp.stack([a, b], -1).reshape(*a.shape[:-1], -1): a0 b0 a1 b1 ...",
    "torch.stack([a, b], -1).flatten(-2)",
    "jnp.concatenate([a, b], axis=-1)",
    "https://docs.jax.dev/en/latest/_autosummary/jax.numpy.stack.html",
)
cause(
    "split-part",
    "wiring",
    "another part of the value is taken: the chunks are used in another order",
    "q, k, v = x.chunk(3, dim=-1)",
    "q, k, v = jnp.split(x, 3, axis=-1)",
    "take the chunks in JAX's order",
    "take the chunks in torch's order, or permute the kernel that makes them",
    CHUNK,
)
cause(
    "split-interleaved",
    "wiring",
    "one side cuts the value into halves, the other takes every second element (rotary embeddings, gates)",
    "x.chunk(2, -1): x[..., :n/2] and x[..., n/2:]",
    "x[..., 0::2] and x[..., 1::2]",
    "x[..., 0::2], x[..., 1::2]",
    "jnp.split(x, 2, axis=-1)",
    CHUNK,
)

Blocks = tuple[tuple[int, ...], bool]
"""Which sources are put together, and whether they are interleaved."""


@family
def concatenated(site: Site) -> Iterator[Variant]:
    """Both sides as the sources that they are put together from."""
    if not alone(site) or site.first.shape != site.second.shape or site.first.dtype.kind != "f":
        return
    found = floats(site)
    for axis in range(site.first.ndim):
        pieces = [x for x in found if fits(x, site.first, axis) and x.shape[axis] < site.first.shape[axis]]
        mine, theirs = (blocks(side, pieces, axis) for side in (site.first, site.second))
        if mine is None or theirs is None or len({*mine[0], *theirs[0]}) == 1:
            continue
        for chosen, interleaved in (mine, theirs):
            names = ", ".join(site.name_of(pieces[i]) or f"value {i}" for i in chosen)
            says = f"{'interleaves' if interleaved else 'puts together'} {names}"
            choice = f"{chosen} along axis {axis}"
            BETWEEN.setdefault(frozenset(f"{c} along axis {axis}" for c, _ in (mine, theirs)), reason(mine, theirs))
            more = ((f"interleaved: {interleaved}", "concat-interleaved"),)
            make = partial(together, [pieces[i] for i in chosen], axis, interleaved)
            yield Variant((), says, make, choice, "concat-other-value", more)


def reason(mine: Blocks, theirs: Blocks) -> str:
    return "concat-order" if sorted(mine[0]) == sorted(theirs[0]) else "concat-other-value"


def fits(x: Array, y: Array, axis: int) -> bool:
    """Whether the shapes are equal but for one axis."""
    return x.ndim == y.ndim and all(m == n or i == axis for i, (m, n) in enumerate(zip(x.shape, y.shape)))


def blocks(side: Array, pieces: Sequence[Array], axis: int) -> Blocks | None:
    """The sources from which a side is put together along an axis; None if it is not."""
    chosen: list[int] = []
    place, total = 0, side.shape[axis]
    while place < total:
        at = next(
            (i for i, x in enumerate(pieces) if place + x.shape[axis] <= total and at_place(side, x, axis, place)), None
        )
        if at is None:
            return interleaves(side, pieces, axis)
        chosen.append(at)
        place += pieces[at].shape[axis]
    return tuple(chosen), False


def at_place(side: Array, x: Array, axis: int, place: int) -> bool:
    return near(part(x), part(cut(side, axis, slice(place, place + x.shape[axis]))))


def interleaves(side: Array, pieces: Sequence[Array], axis: int) -> Blocks | None:
    for count in (2, 3, 4):
        if side.shape[axis] % count:
            continue
        every = [cut(side, axis, slice(i, None, count)) for i in range(count)]
        chosen = [
            next((i for i, x in enumerate(pieces) if x.shape == y.shape and near(part(x), part(y))), None)
            for y in every
        ]
        if all(i is not None for i in chosen):
            return tuple(i for i in chosen if i is not None), True
    return None


def together(pieces: Sequence[Array], axis: int, interleaved: bool) -> Array:
    if not interleaved:
        return np.concatenate(pieces, axis)
    stacked = np.stack(pieces, axis + 1)
    shape = pieces[0].shape
    return stacked.reshape(*shape[:axis], -1, *shape[axis + 1 :])


def cut(x: Array, axis: int, where: slice) -> Array:
    return x[(slice(None),) * axis + (where,)]


@family
def parts(site: Site) -> Iterator[Variant]:
    """A stretch of a source, or every second or third of its elements."""
    if not alone(site) or site.first.ndim == 0 or site.first.dtype.kind != "f":
        return
    for source, x in each(site, floats(site)):
        for axis in range(site.first.ndim):
            if fits(x, site.first, axis) and x.shape[axis] > site.first.shape[axis]:
                yield from of(source, cuts(x, site, axis))


def cuts(x: Array, site: Site, axis: int) -> Iterator[Variant]:
    n, total = site.first.shape[axis], x.shape[axis]
    stretches = [("in one piece", slice(i, i + n), i) for i in range(total - n + 1)]
    steps = [("interleaved", slice(i, None, total // n), i) for i in range(total // n)] if total % n == 0 else []
    sides = part(site.first), part(site.second)
    for how, where, start in (*stretches, *steps):
        piece = cut(x, axis, where)
        if any(near(part(piece), side) for side in sides):
            number = start // n if how == "in one piece" and start % n == 0 else start
            more = ((f"number {number}", "split-part"),)
            yield Variant(
                (), f"elements from {start}, {how}", partial(np.asarray, piece), how, "split-interleaved", more
            )
