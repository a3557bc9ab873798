"""Padding: on which sides, and with what."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import combinations, product
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, each, floats, near, part, written
from crosscheck.causes.variant import BETWEEN, Variant, family, of

TORCH = "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pad.html"
JAX = "https://docs.jax.dev/en/latest/_autosummary/jax.numpy.pad.html"

cause(
    "pad-mode-names",
    "padding",
    "the padding is of another kind: reflected without or with the border, repeated, wrapped around",
    "F.pad: 'reflect' leaves the border out, 'replicate' repeats it, 'circular' wraps",
    "jnp.pad: 'reflect' leaves it out, 'symmetric' takes it in, 'edge' repeats it, 'wrap' wraps",
    "'edge' -> 'replicate', 'wrap' -> 'circular', 'reflect' -> 'reflect'",
    "'replicate' -> 'edge', 'circular' -> 'wrap', 'reflect' -> 'reflect'",
    JAX,
)
cause(
    "pad-side",
    "padding",
    "the padding is on other sides: before instead of after, or along another axis",
    "F.pad(x, (left, right, top, bottom)): the last axis first",
    "jnp.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0))): the first axis first",
    "reverse the order of JAX's pairs",
    "reverse the order of torch's pairs",
    TORCH,
)
cause(
    "pad-value",
    "padding",
    "the padding holds another constant",
    "F.pad(x, pad, value=0.0)",
    "jnp.pad(x, pad, constant_values=0)",
    "value=c",
    "constant_values=c",
    TORCH,
)

MODES = ("reflect", "symmetric", "edge", "wrap")
BETWEEN.update({frozenset(pair): "pad-mode-names" for pair in combinations((*MODES, "constant"), 2)})
MOST = 256
"""Ways to share out the padding that are tried."""

Widths = tuple[tuple[int, int], ...]


@family
def padded(site: Site) -> Iterator[Variant]:
    """A source with padding around, shared out in every way between the two ends of each axis."""
    if not alone(site) or site.first.ndim == 0 or site.first.dtype.kind != "f":
        return
    sides = [side for side in (site.first, site.second) if side.shape == site.first.shape]
    fit = (x for x in floats(site) if x.ndim == site.first.ndim and x.shape != site.first.shape)
    for source, x in each(site, fit):
        totals = [m - n for m, n in zip(site.first.shape, x.shape)]
        if min(totals) < 0 or np.prod([t + 1 for t in totals]) > MOST:
            continue
        for lows in product(*(range(t + 1) for t in totals)):
            widths = tuple((low, total - low) for low, total in zip(lows, totals))
            inner = tuple(slice(low, low + n) for (low, _), n in zip(widths, x.shape))
            if any(near(part(x), part(side[inner])) for side in sides):
                yield from of(source, fillings(x, widths, sides))


def fillings(x: Array, widths: Widths, sides: list[Array]) -> Iterator[Variant]:
    where = str(widths)
    for mode in MODES:
        make = partial(pad, x, widths, mode)
        yield Variant((), f"{mode} {where}", make, mode, "pad-mode-names", ((where, "pad-side"),))
    fills = dict.fromkeys(float(side[corner(widths)]) for side in sides)
    for fill in fills if written(fills) else ():
        make = partial(pad, x, widths, "constant", constant_values=fill)
        more = ((where, "pad-side"), (f"{fill:g}", "pad-value"))
        yield Variant((), f"{fill:g} {where}", make, "constant", "pad-mode-names", more)


def corner(widths: Widths) -> tuple[int, ...]:
    """An element of the padding."""
    return tuple(0 if low else -1 if high else 0 for low, high in widths)


def pad(x: Array, widths: Widths, mode: str, **options: Any) -> Array:
    return np.asarray(np.pad(x, widths, mode=mode, **options))  # type: ignore[call-overload]
