"""PReLU: slopes for negative input that are trained.

Y = X where X >= 0, a X elsewhere
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.site import Site
from crosscheck.causes.variant import Variant, family

DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn."

cause(
    "prelu-init-and-shape",
    "activation",
    "PReLU's slopes are applied along different axes, or as one for all channels",
    "nn.PReLU(c): one slope a channel, axis 1",
    "PReLU: one slope for everything",
    "nn.PReLU() with one slope",
    "jnp.where(x >= 0, x, a * x) with a along the channels",
    DOCS + "PReLU.html",
)


def sloped(x: Array, slopes: Array) -> Array:
    return np.where(x >= 0, x, slopes * x)


@family
def prelu(site: Site) -> Iterator[Variant]:
    slopes = next((site.weights[n] for n in ("weight", "negative_slope", "alpha") if n in site.weights), None)
    if site.target != "output" or "PReLU" not in site.sides[0].kind + site.sides[1].kind or slopes is None:
        return
    x = site.x
    ways = {"the first slope for all": slopes.ravel()[:1].reshape((1,) * x.ndim)}
    for axis in range(x.ndim):
        if slopes.size == x.shape[axis]:
            ways[f"slopes along axis {axis}"] = slopes.reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    for says, a in ways.items():
        yield Variant((), says, partial(sloped, x, a), says, "prelu-init-and-shape")
    for slope in (0.25, 0.01):
        says, a = f"slope {slope} for all", np.asarray(slope)
        yield Variant((), says, partial(sloped, x, a), says, "prelu-init-and-shape")
