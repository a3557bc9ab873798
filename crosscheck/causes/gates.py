"""Gates: one half of a value times a function of the other, or one value times a function of another.

Y = A f(B)          A, B the halves of X along its channels
Y = g(A) f(B)       B broadcasts to A, with the channels of one [m c] in their place: squeeze and excitation
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.functions import GELUS, MAIN, NONE, RELU, SIGMOID, SILU, TANH, Function
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, floats, picked
from crosscheck.causes.variant import Variant, family

DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn."
NN = "https://docs.jax.dev/en/latest/_autosummary/jax.nn."

cause(
    "glu-half-order",
    "activation",
    "the gate is the other half: first against second, or halves against every second channel",
    "F.glu(x, dim): first half times sigmoid(second half)",
    "jax.nn.glu(x, axis): first half times sigmoid(second half); many SwiGLU weights have the gate first",
    "a, b = x.chunk(2, -1); b * act(a)",
    "a, b = jnp.split(x, 2, -1); b * act(a), or exchange the halves of the weight",
    DOCS + "GLU.html",
)
cause(
    "glu-channel-axis",
    "activation",
    "the halves are taken along different axes",
    "F.glu(x, dim=-1); channels of images are dim=1",
    "jax.nn.glu(x, axis=-1): the channels of n h w c",
    "F.glu(x, dim=1)",
    "jax.nn.glu(x, axis=-1) with channels last",
    NN + "glu.html",
)

GATES: dict[str, Function] = {name: MAIN[name] for name in (SIGMOID, SILU, RELU, TANH, *GELUS, NONE)}


@family
def gated_linear_units(site: Site) -> Iterator[Variant]:
    """One half of x times a function of the other."""
    if not alone(site):
        return
    for x in (x for x in floats(site) if x.ndim == site.first.ndim and x.size == 2 * site.first.size):
        for axis in range(x.ndim):
            if not x.shape[axis] % 2:
                yield from gated(x, axis, site.first.shape)


def gated(x: Array, axis: int, shape: tuple[int, ...]) -> Iterator[Variant]:
    halved = next((i for i in range(x.ndim) if x.shape[i] == 2 * shape[i]), axis)
    for says, (a, b) in halves(x, axis):
        a, b = (half if half.shape == shape else half.swapaxes(axis, halved) for half in (a, b))
        for name, function in GATES.items():
            words = f"{name} of the {says} half along axis {axis} times the other"
            more = ((says, "glu-half-order"), (f"axis {axis}", "glu-channel-axis"))
            yield Variant((), words, partial(product, a, b, function), name, "activation-other", more)


def product(a: Array, b: Array, function: Function) -> Array:
    return a * function(b)


@family
def gated_by_another(site: Site) -> Iterator[Variant]:
    """A source, or a function of it, times a function of another that broadcasts to it."""
    if not alone(site) or site.first.shape != site.second.shape or site.first.ndim < 2:
        return
    shape, at = site.first.shape, picked(site.first.shape)
    near_by = [y for x in floats(site) for y in laid_out(x, shape)][:NEAREST]
    ways = [(i, name, f) for i in range(len(near_by)) for name, f in MAIN.items()]
    made = np.array([f(np.broadcast_to(near_by[i], shape)[at]) for i, _, f in ways])
    if not made.size:
        return
    hits = [products_near(made, side[at]) for side in (site.first, site.second)]
    for j, k in np.argwhere(hits[0] | hits[1]):
        (i, name, f), (other, inner, g) = ways[j], ways[k]
        if i != other and name != NONE:
            words = f"{inner} of one value times {name} of another"
            more = ((inner, MORE), (f"{i} {other}", ""))
            yield Variant((), words, partial(of_both, near_by[other], near_by[i], g, f, shape), name, MORE, more)


def products_near(made: Array, side: Array) -> Array:
    """Of which two rows the product may be the side, by ||a b - y||^2 = a^2 . b^2 - 2 a y . b + y^2 for all at once."""
    finite: Array = np.all(np.isfinite(made), axis=1) & np.all(np.isfinite(side))
    rows = np.where(finite[:, None], made, 0)
    total = np.nan_to_num(side) @ np.nan_to_num(side)
    apart = (rows**2) @ (rows**2).T - 2 * (rows * np.nan_to_num(side)) @ rows.T + total
    return np.asarray(finite[:, None] & finite & (apart <= 1e-10 * total))


MORE = "activation-other"
NEAREST = 5


def laid_out(x: Array, shape: tuple[int, ...]) -> Iterator[Array]:
    """x as it may broadcast to a shape of as many axes, its own or, of one for each example and channel, that axis."""
    if x.ndim == len(shape) and all(m in (1, n) for m, n in zip(x.shape, shape)):
        yield x
    elif x.ndim == 2 < len(shape) and len(x) == shape[0]:
        for axis in (1, len(shape) - 1):
            if x.shape[1] == shape[axis]:
                yield x.reshape(len(x), *(-1 if i == axis else 1 for i in range(1, len(shape))))


def of_both(a: Array, b: Array, g: Function, f: Function, shape: tuple[int, ...]) -> Array:
    return np.asarray(np.broadcast_to(g(a) * f(b), shape))


def halves(x: Array, axis: int) -> list[tuple[str, tuple[Array, Array]]]:
    """Which half goes through the activation, with (the other, that)."""
    a, b = np.split(x, 2, axis)
    even, odd = (np.take(x, range(i, x.shape[axis], 2), axis) for i in (0, 1))
    return [("second", (a, b)), ("first", (b, a)), ("odd", (even, odd)), ("even", (odd, even))]
