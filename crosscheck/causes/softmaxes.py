"""Softmax: along which axis, in probabilities or their logarithms.

softmax(x) = e^x / sum e^x          log softmax(x) = x - log sum e^x
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.functions import MAIN, SIGMOID
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alike, alone, each
from crosscheck.causes.variant import BETWEEN, Variant, family, of

DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn."
NN = "https://docs.jax.dev/en/latest/_autosummary/jax.nn."

cause(
    "softmax-axis",
    "activation",
    "softmax is taken along different axes",
    "F.softmax(x, dim)",
    "jax.nn.softmax(x): the last axis by default",
    "dim=-1 for JAX's default",
    "axis=... for torch's dim; channels that were axis 1 are the last one here",
    NN + "softmax.html",
)
cause(
    "softmax-implicit-dim-3d",
    "activation",
    "softmax runs along the first axis on one side: torch's choice for three axes when dim is not given",
    "F.softmax(x) without dim: axis 0 of 1 or 3 axes, else axis 1",
    "jax.nn.softmax(x): axis -1",
    "F.softmax(x, dim=-1)",
    "jax.nn.softmax(x, axis=0)",
    DOCS + "functional.softmax.html",
)
cause(
    "log-softmax-for-softmax",
    "activation",
    "one side gives log-probabilities, the other probabilities",
    "F.log_softmax, F.softmax",
    "jax.nn.log_softmax, jax.nn.softmax",
    "use the same of the two",
    "use the same of the two",
    NN + "log_softmax.html",
)
cause(
    "softmax-missing",
    "activation",
    "one side gives scores, the other their softmax",
    "F.cross_entropy takes the scores, so nets end without softmax",
    "optax.softmax_cross_entropy takes the scores too; Keras nets often end with softmax",
    "F.softmax(x, dim=-1), or none on both sides",
    "jax.nn.softmax(x, axis=-1), or none on both sides",
    DOCS + "CrossEntropyLoss.html",
)
cause(
    "sigmoid-for-softmax",
    "activation",
    "one side makes each score a probability by itself (sigmoid), the other all of them together (softmax)",
    "torch.sigmoid(x) for labels that do not exclude each other, F.softmax(x, dim=-1) for one of several",
    "jax.nn.sigmoid(x), jax.nn.softmax(x, axis=-1)",
    "use the same of the two",
    "use the same of the two",
    DOCS + "Sigmoid.html",
)
cause(
    "softmax-temperature",
    "activation",
    "the softmaxes have different temperatures",
    "F.softmax(x / temperature, dim)",
    "jax.nn.softmax(x / temperature, axis)",
    "divide by the same temperature ahead of the softmax",
    "divide by the same temperature ahead of the softmax",
    "https://arxiv.org/abs/1503.02531",
)


def softmax(x: Array, axis: int) -> Array:
    shifted = np.exp(x - x.max(axis, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis, keepdims=True))


def log_softmax(x: Array, axis: int) -> Array:
    shifted = x - x.max(axis, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis, keepdims=True)))


WAYS = {"softmax": softmax, "log softmax": log_softmax}
NO = "no softmax"
BETWEEN.update({frozenset((way, NO)): "softmax-missing" for way in WAYS})
BETWEEN.update({frozenset((way, SIGMOID)): "sigmoid-for-softmax" for way in WAYS})
BETWEEN[frozenset((SIGMOID, NO))] = "activation-missing"
BETWEEN.update({frozenset(("along axis 0 of 3", f"along axis {i} of 3")): "softmax-implicit-dim-3d" for i in (1, 2)})


@family
def softmaxes(site: Site) -> Iterator[Variant]:
    """Softmax and its logarithm, along the axes and at the temperatures that either side shows, and none."""
    found = dict.fromkeys(way for side in (site.first, site.second) for way in seen(side))
    if not alone(site) or not found:
        return
    for source, x in each(site, alike(site)):
        yield from of(source, softmaxes_of(site, x, found))


def softmaxes_of(site: Site, x: Array, found: Iterable[tuple[str, int]]) -> Iterator[Variant]:
    for says, axis in found:
        for heat in dict.fromkeys((1.0, *temperatures(site, x, says, axis))):
            yield taken(x, says, axis, heat)
    yield Variant((), NO, partial(np.asarray, x), NO, "softmax-missing")
    yield Variant((), SIGMOID, partial(MAIN[SIGMOID], x), SIGMOID, "sigmoid-for-softmax")


def taken(x: Array, says: str, axis: int, heat: float) -> Variant:
    where = f"along axis {axis} of {x.ndim}"
    words = f"{says} {where}" + f" of x / {heat:g}" * (heat != 1)
    more = ((where, "softmax-axis"), (f"{heat:g}", "softmax-temperature"))
    return Variant((), words, partial(WAYS[says], x / heat, axis), says, "log-softmax-for-softmax", more)


def seen(side: Array) -> list[tuple[str, int]]:
    """The axes along which a side is a softmax or its logarithm."""
    found = []
    for says, p in (("softmax", side), ("log softmax", np.exp(np.minimum(side, 1)))):
        if side.dtype.kind == "f" and (p >= 0).all():
            found += [(says, axis) for axis in range(side.ndim) if np.abs(p.sum(axis) - 1).max() < 1e-5]
    return found


def temperatures(site: Site, x: Array, says: str, axis: int) -> list[float]:
    """The temperature that either side shows, if it is a softmax of x."""
    found = []
    for side in (side for side in (site.first, site.second) if (says, axis) in seen(side)):
        y = side if says == "log softmax" else np.log(np.maximum(side, 1e-300))
        a, b = (z - z.mean(axis, keepdims=True) for z in (x, y))
        heat = float(np.vdot(a, a) / np.vdot(a, b)) if np.vdot(a, b) else 1.0
        if abs(heat - 1) > 1e-9 and np.allclose(a / heat, b, rtol=1e-6):
            found.append(float(f"{heat:.13g}"))
    return found
