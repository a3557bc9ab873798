"""Small integers and dyadic fractions, fed where results can be exact: then no order of summation can change a bit.

Two data sets: "tie-free", in which inputs are distinct odd multiples of 1/2 and biases odd multiples of 1/4, so that
pooled values differ and nothing is zero before a kink; and "ties", small integers that hit kinds on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from crosscheck import feed as feeds
from crosscheck.axes import Array, Spec, parse
from crosscheck.case import Case
from crosscheck.feed import Rng

DATA_SETS = ("tie-free", "ties")
NONZEROS = 2
"""How many weights of each unit are not zero: few, so that depth costs few bits."""


def integers(rng: Rng, sizes: tuple[int, ...]) -> Array:
    return rng.integers(-1, 2, sizes).astype(float)


def distinct(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Odd multiples of 1/2, all different."""
    count = int(np.prod(sizes))
    return np.asarray((rng.permutation(count) - count // 2 + 0.5).reshape(sizes))


def odd(rng: Rng, sizes: tuple[int, ...], unit: float = 1.0) -> Array:
    """-3, -1, 1 or 3 units."""
    return np.asarray(unit * (2 * rng.integers(-2, 2, sizes) + 1))


def quarters(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Probabilities that are dyadic."""
    return rng.integers(1, 4, sizes) / 4


def halves(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Dyadic columns that sum to 1: one half, one quarter, ..., the last value twice."""
    column = 0.5 ** np.minimum(np.arange(1, sizes[0] + 1), max(sizes[0] - 1, 0))
    flat = np.stack([rng.permutation(column) for _ in range(int(np.prod(sizes[1:])))], axis=1)
    return np.asarray(flat.reshape(sizes))


def powers(rng: Rng, sizes: tuple[int, ...]) -> Array:
    return np.asarray(2.0 ** rng.integers(-1, 3, sizes))


def two_valued(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Along the last axis an integer plus and minus 1/2, equally often: the variance is exactly 1/4."""
    half = np.tile([0.5, -0.5], sizes[-1] // 2 + 1)[: sizes[-1]]
    signs = np.apply_along_axis(rng.permutation, -1, np.broadcast_to(half, sizes))
    return np.asarray(rng.integers(-3, 4, (*sizes[:-1], 1)) + signs)


def hard_scores(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Down each column one or two equal maxima, the rest at least 1024 lower: softmax is exactly 1, 1/2 or 0."""
    count, columns = sizes[0], int(np.prod(sizes[1:]))
    rank = np.argsort(rng.random((count, columns)), axis=0)
    winners = rng.integers(1, 3, columns)
    scores = np.where(rank < winners, 0, -1024.0 * rank) + rng.integers(-3, 4, columns)
    return np.asarray(scores.reshape(sizes))


CONSTRUCTIONS = {"probability": quarters, "simplex": halves, "positive": powers}
CONSTRUCTIONS |= {"two_valued": two_valued, "hard_scores": hard_scores}
CONSTRUCTIONS |= {"boxes": feeds.tied_boxes, "modest": integers}

DRAWS: Mapping[str, Mapping[str, Callable[[Rng, tuple[int, ...]], Array]]] = {
    "tie-free": {"normal": distinct, **CONSTRUCTIONS},
    "ties": {"normal": integers, **CONSTRUCTIONS},
}
"""What takes the place of a kind of random numbers; kinds not listed are drawn as ever."""


def draw(rng: Rng, spec: Spec, data_set: str) -> Array:
    kind = DRAWS[data_set].get(spec.kind)
    return feeds.draw(rng, spec) if kind is None else kind(rng, spec.sizes)


def inputs_of(case: Case, seed: int, data_set: str) -> dict[str, Array]:
    rng = np.random.default_rng(case.seed(seed, "exact inputs", data_set))
    return {name: draw(rng, parse(text), data_set) for name, text in case.inputs.items()}


def parameters(case: Case, seed: int, module: Any, data_set: str) -> dict[str, Array]:
    """Weights -1, 0 and 1 with few nonzeros a unit; gains powers of two; biases as the data set has them."""
    rng = np.random.default_rng(case.seed(seed, "exact parameters", data_set))
    return {
        path: parameter(rng, name, axes, shape, data_set) for path, name, axes, shape, _ in entries(module, "params")
    }


def parameter(rng: Rng, name: str, axes: str, shape: tuple[int, ...], data_set: str) -> Array:
    if name == "gamma":
        return np.asarray(powers(rng, shape) * rng.choice([-1.0, 1.0], shape))
    if len([size for size in shape if size > 1]) > 1:
        return sparse(rng, axes.split(), shape)
    return odd(rng, shape, 0.25) if data_set == "tie-free" else integers(rng, shape)


def sparse(rng: Rng, axes: list[str], shape: tuple[int, ...]) -> Array:
    """A weight with NONZEROS entries of -1 or 1 for each unit (axis "n" or "c") of its output."""
    out = next((i for i, axis in enumerate(axes) if axis in ("n", "c")), 0)
    fan = int(np.prod(shape)) // shape[out]
    rows = np.zeros((shape[out], fan))
    for row in rows:
        places = rng.choice(fan, min(NONZEROS, fan), replace=False)
        row[places] = rng.choice([-1.0, 1.0], len(places))
    others = [size for i, size in enumerate(shape) if i != out]
    return np.asarray(np.moveaxis(rows.reshape(shape[out], *others), 0, out))


def running_state(case: Case, seed: int, module: Any, data_set: str) -> dict[str, Array]:
    """Integer means, and variances that are a power of four once epsilon is added."""
    rng = np.random.default_rng(case.seed(seed, "exact state", data_set))
    return {
        path: 4.0 ** rng.integers(0, 2, shape) - part.epsilon if name == "sigma2" else odd(rng, shape)
        for path, name, _, shape, part in entries(module, "state")
    }


def cotangent(case: Case, seed: int, shape: tuple[int, ...], index: int) -> Array:
    return odd(np.random.default_rng(case.seed(seed, "exact cotangent", index)), shape)


def entries(module: Any, kind: str) -> list[tuple[str, str, str, tuple[int, ...], Any]]:
    """(path, name, axes, shape, owner) of every parameter or statistic."""
    from reference.module import shape_of, walk

    return [
        (f"{path}.{name}" if path else name, name, axes, shape_of(part, axes), part)
        for path, part in (walk(module) if hasattr(module, "parts") else ())
        for name, axes in getattr(part, kind).items()
    ]
