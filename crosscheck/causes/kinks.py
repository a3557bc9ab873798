"""Derivatives where there is none: relu at 0, clamp at its bounds, |x| and roots at 0, maxima that several share.

Both sides go forward alike, and backward too, but for elements that lie exactly at the kink.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.changes import Change, changes, comparable
from crosscheck.causes.site import Site
from crosscheck.causes.variant import Variant, family

JAX = "https://docs.jax.dev/en/latest/_autosummary/jax."
ISSUE = "https://github.com/jax-ml/jax/issues/"
NAN = "https://docs.jax.dev/en/latest/faq.html#gradients-contain-nan-where-using-where"

cause(
    "relu-kink-maximum",
    "gradient",
    "the slope of relu at exactly 0 is 0 on one side, 1/2 (or 1) on the other",
    "F.relu: 0; torch.maximum(x, 0): 1/2; x.clamp(min=0): 1",
    "jax.nn.relu: 0; jnp.maximum(x, 0): 1/2",
    "F.relu(x)",
    "jax.nn.relu(x)",
    JAX + "nn.relu.html",
)
cause(
    "clamp-min-vs-maximum-grad",
    "gradient",
    "the slope at the bound of a clamp is 1 on one side, 1/2 (or 0) on the other",
    "x.clamp(min=m): 1 where x = m",
    "jnp.maximum(x, m), jnp.clip(x, m): 1/2 where x = m",
    "torch.maximum(x, m)",
    "jnp.where(x >= m, x, m)",
    ISSUE + "37821",
)
cause(
    "leaky-relu-kink",
    "gradient",
    "the slope of a leaky relu at exactly 0 is that for negative numbers on one side, 1 on the other",
    "F.leaky_relu: the negative slope (x > 0)",
    "jax.nn.leaky_relu: 1 (x >= 0)",
    "torch.where(x >= 0, x, a * x)",
    "jnp.where(x > 0, x, a * x)",
    JAX + "nn.leaky_relu.html",
)
cause(
    "abs-grad-at-zero",
    "gradient",
    "the slope of |x| at 0 is 0 on one side, 1 on the other (L1 losses where nothing is wrong)",
    "x.abs(), F.l1_loss: 0",
    "jnp.abs: 1",
    "torch.where(x >= 0, x, -x)",
    "jnp.where(x == 0, 0.0, jnp.abs(x))",
    ISSUE + "37820",
)
cause(
    "sqrt-grad-at-zero",
    "gradient",
    "one side gives NaN or infinity where the input is 0",
    "torch.sqrt: infinite at 0; x.norm(): 0",
    "jnp.sqrt: infinite at 0, times 0 is NaN",
    "x.clamp(min=eps).sqrt()",
    "jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1)), 0)",
    NAN,
)
cause(
    "norm-grad-at-zero",
    "gradient",
    "one side gives NaN for vectors of length zero",
    "x.norm(dim=-1), F.normalize(x): 0 and finite",
    "jnp.linalg.norm(x, axis=-1): NaN",
    "nothing to do: torch guards the root",
    "s = (x * x).sum(-1); jnp.where(s > 0, jnp.sqrt(jnp.where(s > 0, s, 1)), 0)",
    ISSUE + "3058",
)
cause(
    "sqrt-clamp-nan-grad",
    "gradient",
    "one side gives NaN where the input is negative, though the forward pass clamps it",
    "x.clamp(min=0).sqrt(): 0 for negative x",
    "jnp.sqrt(jnp.maximum(x, 0)): infinity times 0",
    "nothing to do: clamp's backward pass masks",
    "jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1)), 0)",
    NAN,
)
cause(
    "max-dim-tie",
    "gradient",
    "of several equal maxima (or minima) one gets the whole gradient on one side, each its share on the other",
    "x.max(dim): one of them; x.amax(dim), x.max(): shares",
    "jnp.max(x, axis): shares",
    "x.amax(dim)",
    "jnp.take_along_axis(x, jnp.argmax(x, axis, keepdims=True), axis)",
    "https://docs.pytorch.org/docs/stable/generated/torch.amax.html",
)


@family
def kinks(site: Site) -> Iterator[Variant]:
    """Elements at one or two special values have another slope; all others agree."""
    if site.target != "gradient" or not comparable(site) or not site.inputs or site.x.shape != site.first.shape:
        return
    x, off = site.x, apart(site)
    if x.dtype.kind != "f" or not off.any() or off.all() or len(at := np.unique(x[off])) > 2:
        return
    for g in (g for g in site.cotangents if g.shape == x.shape and (g[off] != 0).all()):
        slopes = [side[off] / g[off] for side in (site.first, site.second)]
        rest = usual_slopes(site, g, off)
        if rest is not None and all(len(np.unique(np.round(s, 9))) == 1 for s in slopes):
            one, other = (round(float(s[0]), 9) for s in slopes)
            for name in kind(at, {one, other}, rest):
                for which, slope in (("first", one), ("second", other)):
                    made = partial(with_slope, site.first, g, off, slope)
                    yield Variant((), f"slope {slope:g} at {', '.join(f'{v:g}' for v in at)}", made, which, name)


def apart(site: Site) -> Array:
    scale = float(np.abs(site.first[np.isfinite(site.first)]).max(initial=0)) or 1.0
    return np.asarray(~(np.abs(site.first - site.second) <= 1e-9 * scale))


def usual_slopes(site: Site, g: Array, off: Array) -> set[float] | None:
    """The slopes elsewhere, if they are few: 0 and 1 of relu and clamp, -1 and 1 of |x|."""
    there = ~off & (g != 0)
    slopes = np.unique(np.round(site.first[there] / g[there], 9))
    return set(slopes.tolist()) if 1 <= len(slopes) <= 3 else None


def kind(at: Array, slopes: set[float], rest: set[float]) -> list[str]:
    """What has such slopes at its kink."""
    zero = len(at) == 1 and at[0] == 0
    if rest <= {-1.0, 1.0} and -1.0 in rest:
        return ["abs-grad-at-zero"] if zero else []
    if rest <= {0.0, 1.0}:
        if zero and 0.0 in slopes:
            return ["relu-kink-maximum"]
        return ["clamp-min-vs-maximum-grad"] if slopes <= {0.0, 0.5, 1.0} else []
    slow = rest - {1.0}
    return ["leaky-relu-kink"] if zero and len(slow) == 1 and slopes == {1.0, *slow} else []


def with_slope(side: Array, g: Array, off: Array, slope: float) -> Array:
    return np.where(off, slope * g, side)


@family
def roots(site: Site) -> Iterator[Variant]:
    """NaN or infinity where the input, or a whole vector of it, is zero or negative."""
    if site.target != "gradient" or not comparable(site) or not site.inputs or site.x.shape != site.first.shape:
        return
    for bad, good in ((site.first, site.second), (site.second, site.first)):
        broken = ~np.isfinite(bad)
        if broken.any() and not broken.all() and np.isfinite(good).all():
            ways = [Change(name, words, partial(put, broken, bad)) for name, words in places(site.x, broken)]
            yield from changes(site, ways)


def put(broken: Array, bad: Array, good: Array) -> Array:
    return np.where(broken, bad, good)


def places(x: Array, broken: Array) -> Iterator[tuple[str, str]]:
    for axis in range(x.ndim) if x.ndim > 1 else ():
        if x.shape[axis] > 1 and np.array_equal(broken, np.broadcast_to((x == 0).all(axis, keepdims=True), x.shape)):
            yield "norm-grad-at-zero", f"NaN where all along axis {axis} is 0"
            return
    if np.array_equal(broken, x == 0):
        yield "sqrt-grad-at-zero", "NaN or infinity where the input is 0"
    elif np.array_equal(broken, x <= 0) or np.array_equal(broken, x < 0):
        yield "sqrt-clamp-nan-grad", "NaN or infinity where the input is negative"


@family
def ties(site: Site) -> Iterator[Variant]:
    """Equal maxima or minima along one axis, or of all elements."""
    if site.target != "gradient" or not comparable(site) or not site.inputs or site.x.shape != site.first.shape:
        return
    for over in (*((axis,) for axis in range(site.x.ndim)), tuple(range(site.x.ndim))):
        for name, extreme in (("maximum", np.max), ("minimum", np.min)):
            best = site.x == extreme(site.x, axis=over, keepdims=True)
            count = best.sum(over, keepdims=True)
            if (count > 1).any():
                yield from shared(site, best, count, over, name)


def shared(site: Site, best: Array, count: Array, over: tuple[int, ...], name: str) -> Iterator[Variant]:
    for side in (site.first, site.second):
        sums = side.sum(over, keepdims=True)
        if not side[~best].any() and ((side != 0).sum(over) <= 1).all():
            words = f"equal {name}s along {over}: "
            yield Variant((), words + "one gets all", partial(np.asarray, side), "one", "max-dim-tie")
            yield Variant((), words + "shares", partial(np.asarray, best * sums / count), "shares", "max-dim-tie")
