"""The mean over positions of a function of each value: an activation ahead of global average pooling.

y[n c] = mean_ij f(x[n c i j])
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.functions import MAIN, Function
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, floats
from crosscheck.causes.variant import Variant, family

SPATIAL = {4: ((2, 3), (1, 2)), 3: ((1,), (2,))}
NEAREST = 3


@family
def mean_of_a_function(site: Site) -> Iterator[Variant]:
    """Of one of the nearest sources, over the positions of an image or a sequence."""
    if not alone(site) or site.first.dtype.kind != "f":
        return
    for place, x in enumerate(floats(site)[:NEAREST]):
        for axes in SPATIAL.get(x.ndim, ()):
            if x.size // np.prod([x.shape[i] for i in axes]) == site.first.size < x.size:
                for name, function in MAIN.items():
                    make = partial(averaged, x, axes, function, site.first.shape)
                    more = ((f"{place} {axes}", ""),)
                    yield Variant((), f"the mean over positions of {name}", make, name, "activation-other", more)


def averaged(x: Array, axes: tuple[int, ...], function: Function, shape: tuple[int, ...]) -> Array:
    return np.asarray(function(x).mean(axes).reshape(shape))
