"""The mean or maximum over positions of a function of each value: an activation ahead of global pooling.

y[n c] = mean_ij f(x[n c i j])          y[n c] = max_ij f(x[n c i j])
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.functions import MAIN, Function
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, floats
from crosscheck.causes.variant import Variant, family

SPATIAL = {4: ((2, 3), (1, 2)), 3: ((1,), (2,))}
NEAREST = 3


@family
def pool_of_a_function(site: Site) -> Iterator[Variant]:
    """Of one of the nearest sources, over the positions of an image or a sequence."""
    if not alone(site) or site.first.dtype.kind != "f":
        return
    for place, x in enumerate(floats(site)[:NEAREST]):
        for axes in SPATIAL.get(x.ndim, ()):
            if x.size // np.prod([x.shape[i] for i in axes]) == site.first.size < x.size:
                for (name, function), kind in product(MAIN.items(), ("mean", "max")):
                    make = partial(pooled, x, axes, function, kind, site.first.shape)
                    more = ((f"{place} {axes}", ""), (kind, "max-for-mean-pooling"))
                    says = f"the {kind} over positions of {name}"
                    yield Variant((), says, make, name, "activation-other", more)


def pooled(x: Array, axes: tuple[int, ...], function: Function, kind: str, shape: tuple[int, ...]) -> Array:
    return np.asarray(getattr(function(x), kind)(axes).reshape(shape))
