"""Numbers made narrower, whole, or kept within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.changes import Change, changes, comparable
from crosscheck.causes.functions import MAIN, NONE, Function
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, elementwise
from crosscheck.causes.variant import BETWEEN, Variant, family, later

DOCS = "https://docs.pytorch.org/docs/stable/generated/torch."
DTYPES = "https://docs.jax.dev/en/latest/default_dtypes.html"

cause(
    "dtype-narrowed",
    "dtype",
    "one side rounds the value to a narrower type",
    "x.float(), x.half(), x.to(torch.bfloat16); autocast does it inside the layers",
    "x.astype(jnp.float32); without jax_enable_x64 every float64 array becomes float32",
    "take out the cast, or cast as JAX does",
    "jax.config.update('jax_enable_x64', True), and no cast that torch does not have",
    DTYPES,
)
cause(
    "round-half-even",
    "dtype",
    "halves are rounded to the even number on one side, upwards or away from zero on the other",
    "torch.round: half to even",
    "jnp.round: half to even; quantizers in C round half away from zero",
    "torch.floor(x + 0.5) for half up; torch.round for half to even",
    "jnp.floor(x + 0.5) for half up; jnp.round for half to even",
    DOCS + "round.html",
)
cause(
    "rounding-direction",
    "dtype",
    "fractions are cut off on one side, rounded (or floored) on the other",
    "x.long() cuts off; torch.floor and torch.round do as they say",
    "x.astype(int) cuts off; jnp.floor and jnp.round do as they say",
    "use the same of trunc, floor, ceil and round",
    "use the same of trunc, floor, ceil and round",
    DOCS + "trunc.html",
)
cause(
    "rounding-missing",
    "dtype",
    "one side rounds to whole numbers, the other keeps the fractions",
    "torch.round(x), x.long()",
    "jnp.round(x), x.astype(int)",
    "round, or keep the fractions",
    "round, or keep the fractions",
    DOCS + "round.html",
)
cause(
    "clamp-missing",
    "dtype",
    "one side keeps values within bounds that the other does not have",
    "x.clamp(lo, hi)",
    "jnp.clip(x, lo, hi)",
    "x.clamp(lo, hi), or none",
    "jnp.clip(x, lo, hi), or none",
    DOCS + "clamp.html",
)
cause(
    "nan-replaced",
    "dtype",
    "one side replaces NaN and infinities, the other keeps them",
    "torch.nan_to_num(x)",
    "jnp.nan_to_num(x)",
    "torch.nan_to_num(x), or none",
    "jnp.nan_to_num(x), or none",
    DOCS + "nan_to_num.html",
)
cause(
    "index-offset",
    "dtype",
    "indices begin at 0 on one side, at 1 on the other (labels, positions, a padding row)",
    "labels and positions from 0; RoBERTa's positions from padding_idx + 1",
    "jnp.arange(n): from 0",
    "ids - 1 or ids + 1",
    "ids - 1 or ids + 1; JAX raises nothing for an index out of range",
    "https://docs.jax.dev/en/latest/notebooks/Common_Gotchas_in_JAX.html#out-of-bounds-indexing",
)
cause(
    "int-overflow-wrap",
    "dtype",
    "whole numbers wrap around on one side: its integers have fewer bits",
    "int64 by default; uint8 images stay uint8",
    "int32 by default (without jax_enable_x64)",
    "x.long() ahead of the arithmetic",
    "x.astype(jnp.int64) with jax_enable_x64, or float, ahead of the arithmetic",
    DTYPES,
)


def bfloat16(x: Array) -> Array:
    """float32 with the last 16 bits rounded away, half to even."""
    bits = x.astype(np.float32).view(np.uint32)
    kept = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return kept.astype(np.uint32).view(np.float32).astype(np.float64)


def half_up(x: Array) -> Array:
    return np.floor(x + 0.5)


def half_away(x: Array) -> Array:
    return np.sign(x) * np.floor(np.abs(x) + 0.5)


EVEN, UP, AWAY = "round, half to even", "round, half up", "round, half away from zero"
WHOLE: dict[str, Function] = {
    NONE: lambda x: x,
    EVEN: np.rint,
    UP: half_up,
    AWAY: half_away,
    "fraction cut off": np.trunc,
    "floor": np.floor,
    "ceil": np.ceil,
}
BETWEEN.update({frozenset((NONE, name)): "rounding-missing" for name in (UP, AWAY, EVEN, "fraction cut off", "floor")})
BETWEEN.update({frozenset(pair): "round-half-even" for pair in ((EVEN, UP), (EVEN, AWAY), (UP, AWAY))})
NARROW: dict[str, Function] = {
    "float32": lambda x: x.astype(np.float32).astype(np.float64),
    "float16": lambda x: x.astype(np.float16).astype(np.float64),
    "bfloat16": bfloat16,
}


@family
def whole_numbers(site: Site) -> Iterator[Variant]:
    """The ways to make whole numbers of a source."""
    if alone(site) and any(x.size and np.array_equal(x, np.rint(x)) for x in (site.first, site.second)):
        yield from elementwise(site, WHOLE, "rounding-direction")


@later
def converted(site: Site) -> Iterator[Variant]:
    """One side is the other in a narrower type, within bounds, or one off."""
    if not alone(site) or not comparable(site):
        return
    if site.first.dtype.kind == site.second.dtype.kind == "f":
        yield from changes(site, [*narrowed(), *functions(), *bounded(site)])
    elif site.first.dtype.kind in "iu":
        yield from changes(site, wrapped(site))


def narrowed() -> Iterator[Change]:
    for name, function in NARROW.items():
        yield Change("dtype-narrowed", f"rounded to {name}", function, each=True)
    yield Change("nan-replaced", "NaN replaced by 0, infinities by the largest numbers", np.nan_to_num, True)


def functions() -> Iterator[Change]:
    for name, function in MAIN.items():
        if name != NONE:
            yield Change("activation-missing", f"{name} of that", function, each=True)


def bounded(site: Site) -> Iterator[Change]:
    """Bounds that a side reaches more than once and the other exceeds, if a good part lies between them. Kept above 0
    is ReLU."""
    finite = np.isfinite(site.first).all() and np.isfinite(site.second).all()
    for side, other in ((site.first, site.second), (site.second, site.first)) if finite else ():
        low, high = float(side.min()), float(side.max())
        inner = np.mean((side > low) & (side < high))
        low = low if np.sum(side == low) > 1 and other.min() < low else -np.inf
        high = high if np.sum(side == high) > 1 and other.max() > high else np.inf
        if inner > 0.1 and (low, high) not in {(-np.inf, np.inf), (0.0, np.inf)}:
            yield Change("clamp-missing", says(low, high), partial(clipped, low=low, high=high))


def says(low: float, high: float) -> str:
    if high == np.inf:
        return f"kept from {low:.6g} up"
    return f"kept up to {high:.6g}" if low == -np.inf else f"kept between {low:.6g} and {high:.6g}"


def clipped(x: Array, low: float, high: float) -> Array:
    return np.clip(x, low, high)


def wrapped(site: Site) -> Iterator[Change]:
    for dtype in (np.int32, np.int16, np.uint8, np.int8):
        yield Change("int-overflow-wrap", f"wrapped as {np.dtype(dtype).name}", partial(narrow, dtype=dtype))
    for by in (1, -1, 2, -2):
        yield Change("index-offset", f"{by:+d}", partial(np.add, by))


def narrow(x: Array, dtype: type) -> Array:
    return x.astype(dtype).astype(np.int64)
