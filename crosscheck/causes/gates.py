"""Gates: one half of a value times a function of the other, or one value times a function of another.

Y = A f(B)          A, B the halves of X along its channels
Y = g(A) f(B)       B broadcasts to A, with the channels of one [m c] in their place: squeeze and excitation
Y = g(A) (1 + f(B)) residual attention
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.functions import GELUS, MAIN, NONE, RELU, SIGMOID, SILU, TANH, Function
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, floats, near, picked
from crosscheck.causes.variant import ANY, BETWEEN, Variant, family

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

cause(
    "gate-missing",
    "wiring",
    "one side multiplies by a gate (squeeze and excitation, an attention map) by which the other does not",
    "x * torch.sigmoid(gate)",
    "x * jax.nn.sigmoid(gate)",
    "multiply by it, as JAX does, or leave it out",
    "multiply by it, as torch does, or leave it out",
    "https://arxiv.org/abs/1709.01507",
)
cause(
    "gate-plus-one",
    "wiring",
    "one side multiplies by the gate, the other by one more than it, so that a gate of 0 lets pass",
    "x * (1 + gate)",
    "x * (1 + gate)",
    "x * (1 + gate), or x * gate, as JAX has it",
    "x * (1 + gate), or x * gate, as torch has it",
    "https://arxiv.org/abs/1704.06904",
)

FORMS = {"": 0.0, "one more than ": 1.0}
"""What is added to a gate, by how that is said."""
BARE = "by itself"
BETWEEN.update({frozenset((form, BARE)): "gate-missing" for form in FORMS})
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
    """A source, or a function of it, times a function of another that broadcasts to it, or times one more than that;
    of a side that is no such product, what is gated on the other side by itself."""
    if not alone(site) or site.first.shape != site.second.shape or site.first.ndim < 2:
        return
    shape, at = site.first.shape, picked(site.first.shape)
    near_by = [y for x in floats(site) for y in laid_out(x, shape)][:NEAREST]
    ways = [Way(i, name, f) for i in range(len(near_by)) for name, f in MAIN.items()]
    made = np.array([way.function(np.broadcast_to(near_by[way.source], shape)[at]) for way in ways])
    if not made.size:
        return
    for side in (site.first[at], site.second[at]):
        found = [
            product_of(near_by, ways[j], ways[k], form, shape)
            for form, more in FORMS.items()
            for j, k in np.argwhere(products_near(made + more, made, side))
            if ways[j].source != ways[k].source
        ]
        yield from found or [bare(near_by, way, shape) for way, x in zip(ways, made) if near(x, side)]


class Way(NamedTuple):
    """A function of one of the sources."""

    source: int
    name: str
    function: Function


def product_of(near_by: Sequence[Array], gate: Way, gated: Way, form: str, shape: tuple[int, ...]) -> Variant:
    words = f"{gated.name} of one value times {form}{gate.name} of another"
    more = ((gated.name, MORE), (f"gate {gate.source}", ""), (f"gated {gated.source}", ""), (form, "gate-plus-one"))
    make = partial(of_both, near_by, gate, gated, FORMS[form], shape)
    return Variant((), words, make, gate.name, MORE, more)


def bare(near_by: Sequence[Array], way: Way, shape: tuple[int, ...]) -> Variant:
    more = ((way.name, MORE), (ANY, ""), (f"gated {way.source}", ""), (BARE, "gate-missing"))
    make = partial(np.broadcast_to, way.function(near_by[way.source]), shape)
    return Variant((), f"{way.name} of one value, by itself", make, ANY, MORE, more)


def products_near(left: Array, right: Array, side: Array) -> Array:
    """Of which two rows the product may be the side, by ||a b - y||^2 = a^2 . b^2 - 2 a y . b + y^2 for all at once."""
    finite, others = (np.all(np.isfinite(rows), axis=1) for rows in (left, right))
    a, b, y = np.where(finite[:, None], left, 0), np.where(others[:, None], right, 0), np.nan_to_num(side)
    apart = a**2 @ (b**2).T - 2 * (a * y) @ b.T + y @ y
    return np.asarray(finite[:, None] & others & np.isfinite(side).all() & (apart <= 1e-10 * (y @ y)))


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


def of_both(near_by: Sequence[Array], gate: Way, gated: Way, more: float, shape: tuple[int, ...]) -> Array:
    product = gated.function(near_by[gated.source]) * (more + gate.function(near_by[gate.source]))
    return np.asarray(np.broadcast_to(product, shape))


def halves(x: Array, axis: int) -> list[tuple[str, tuple[Array, Array]]]:
    """Which half goes through the activation, with (the other, that)."""
    a, b = np.split(x, 2, axis)
    even, odd = (np.take(x, range(i, x.shape[axis], 2), axis) for i in (0, 1))
    return [("second", (a, b)), ("first", (b, a)), ("odd", (even, odd)), ("even", (odd, even))]
