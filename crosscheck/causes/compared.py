"""Two vectors of each example compared, feature by feature or as a whole: faces, questions, an image and its caption.

y[n d] = |a - b|, (a - b)^2, a b, a - b          y[n] = the sum, mean or root of these over d          y[n m] = a b^T

a and b as they are, or of length one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.functions import MAIN, NONE, RELU, SIGMOID, TANH
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, distinct, near
from crosscheck.causes.variant import BETWEEN, Variant, family

cause(
    "comparison-other",
    "wiring",
    "two vectors are compared by different functions: |a - b|, (a - b)^2, a - b, a b, or their sum, mean or root",
    "torch.abs(a - b), ahead of a dense layer",
    "jnp.abs(a - b)",
    "compare as JAX does",
    "compare as torch does",
    "https://openaccess.thecvf.com/content_cvpr_2014/papers/Taigman_DeepFace_Closing_the_2014_CVPR_paper.pdf",
)

NEAREST, UNIT = 6, "of length one"
Function = Callable[[Array, Array], Array]


def unit(x: Array) -> Array:
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True))


FUNCTIONS: dict[str, Function] = {
    "|a - b|": lambda a, b: np.abs(a - b),
    "(a - b)^2": lambda a, b: (a - b) ** 2,
    "a - b": lambda a, b: a - b,
    "b - a": lambda a, b: b - a,
    "a b": lambda a, b: a * b,
    "a + b": lambda a, b: a + b,
    "(a - b)^2 / (a + b)": lambda a, b: (a - b) ** 2 / (a + b),
    "the sum of (a - b)^2": lambda a, b: ((a - b) ** 2).sum(-1),
    "the mean of (a - b)^2": lambda a, b: ((a - b) ** 2).mean(-1),
    "the root of the sum of (a - b)^2": lambda a, b: np.sqrt(((a - b) ** 2).sum(-1)),
    "the sum of |a - b|": lambda a, b: np.abs(a - b).sum(-1),
    "the mean of |a - b|": lambda a, b: np.abs(a - b).mean(-1),
    "the sum of a b": lambda a, b: (a * b).sum(-1),
    "the mean of a b": lambda a, b: (a * b).mean(-1),
    "a b^T": lambda a, b: a @ b.T,
    "b a^T": lambda a, b: b @ a.T,
}
SUMS = ("a + b", "a - b", "b - a")
"""Of these alone no comparison is made, but a sum (sums.py)."""
SQUARES, BEHIND = "divided by the sum of squares", f"{UNIT}, of {RELU}"
PREPARED: dict[str, Callable[[Array], Array]] = {
    NONE: np.asarray,
    UNIT: unit,
    "of length one over the examples": lambda x: x / np.linalg.norm(x, axis=0, keepdims=True),
    "of 1-norm one": lambda x: x / np.abs(x).sum(1, keepdims=True),
    SQUARES: lambda x: x / (x * x).sum(1, keepdims=True),
    **{name: MAIN[name] for name in (RELU, TANH, SIGMOID)},
    BEHIND: lambda x: unit(MAIN[RELU](x)),
}
LENGTHS = [*PREPARED][1:5]
ONE = {"a of length one, b as it is": (UNIT, NONE), "b of length one, a as it is": (NONE, UNIT)}
BOTH = {name: (name, name) for name in PREPARED} | ONE
BETWEEN.update({frozenset((way, name)): "normalize-missing" for way in (NONE, UNIT) for name in ONE})
BETWEEN.update({frozenset((NONE, name)): "normalize-missing" for name in LENGTHS})
BETWEEN.update({frozenset((UNIT, name)): "normalize-order" for name in LENGTHS[2:]})
BETWEEN[frozenset(("a b^T", "b a^T"))] = "axes-swapped"
BETWEEN[frozenset((UNIT, BEHIND))] = "activation-missing"
BETWEEN[frozenset(LENGTHS[:2])] = "normalize-axis"


@family
def compared(site: Site) -> Iterator[Variant]:
    """Every two of the nearest vectors; what needs no factor first."""
    shape = site.first.shape
    if not alone(site) or site.first.dtype.kind != "f" or len(shape) > 2 or shape != site.second.shape:
        return
    found = distinct([*reversed(site.inputs), *reversed(site.given)])
    vectors = [x for x in found if x.ndim == 2 and x.dtype.kind == "f"][:NEAREST]
    named = [(x, site.name_of(x) or f"value {place}") for place, x in enumerate(vectors)]
    two = [(a, b, f"a {one}, b {other}") for (b, other), (a, one) in combinations(named, 2)]
    every = [pair for a, b, words in two for pair in of_two(site, a, b, words)]
    if any(variant.choice not in SUMS for _, variant in every):
        yield from (variant for _, variant in sorted(every, key=lambda pair: pair[0] != 1))


def of_two(site: Site, a: Array, b: Array, words: str) -> Iterator[tuple[float, Variant]]:
    """What makes either side of two vectors, and by which factor."""
    for prepared, (one, other) in BOTH.items():
        x, y = PREPARED[one](a), PREPARED[other](b)
        for name, function in FUNCTIONS.items():
            made = made_of(function, x, y, site.first.shape)
            for factor in dict.fromkeys(factors(site, made)) if made is not None else ():
                says = f"{factor:g} times " * (factor != 1) + name + f", {prepared}" * (prepared != NONE) + f", {words}"
                more = (
                    (prepared, "activation-other"),
                    (words, "value-from-elsewhere"),
                    (f"{factor:.9g}", "scale-constant"),
                )
                make = partial(np.multiply, factor, made)
                yield factor, Variant((), says, make, name, "comparison-other", more)


def made_of(function: Function, a: Array, b: Array, shape: tuple[int, ...]) -> Array | None:
    """The comparison in the value's shape: of the examples alone there may be a last axis of one element."""
    try:
        made = function(a, b)
    except ValueError:
        return None
    alike = made.shape == shape or (made.ndim == 1 and shape == (len(made), 1))
    return made.reshape(shape) if alike and np.isfinite(made).all() else None


def factors(site: Site, made: Array) -> Iterator[float]:
    """By which a side is a multiple."""
    for side in (site.first, site.second):
        if (size := float(np.vdot(made, made))) and (factor := float(np.vdot(made, side)) / size) > 0:
            factor = 1.0 if abs(factor - 1) < 1e-9 else factor
            if near(factor * made, side):
                yield factor
