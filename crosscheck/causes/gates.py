"""Gated linear units: one half of a value times a function of the other.

Y = A f(B)          A, B the halves of X along its channels
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.functions import GELUS, MAIN, NONE, RELU, SIGMOID, SILU, TANH, Function
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, each, floats
from crosscheck.causes.variant import Variant, family, of

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
    fit = (x for x in floats(site) if x.ndim == site.first.ndim and x.size == 2 * site.first.size)
    for source, x in each(site, fit):
        for axis in range(x.ndim):
            if not x.shape[axis] % 2:
                yield from of(source, gated(x, axis, site.first.shape))


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


def halves(x: Array, axis: int) -> list[tuple[str, tuple[Array, Array]]]:
    """Which half goes through the activation, with (the other, that)."""
    a, b = np.split(x, 2, axis)
    even, odd = (np.take(x, range(i, x.shape[axis], 2), axis) for i in (0, 1))
    return [("second", (a, b)), ("first", (b, a)), ("odd", (even, odd)), ("even", (odd, even))]
