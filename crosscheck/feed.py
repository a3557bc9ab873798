"""What is fed to every column alike: parameters, state, inputs, cotangents and dropout's uniform numbers.

All are NumPy float64 in the reference's axes, random (nothing is left at the zeros and ones of an initializer) and
seeded from the case's name, so that a run can be repeated from its name alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from crosscheck import object_feed, region_feed
from crosscheck.axes import Array, Spec, parse
from crosscheck.case import Case
from crosscheck.names import nearest

Rng = np.random.Generator


def normal(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Standard normal, but never nearer to the kinks at zero than 0.01."""
    values = rng.standard_normal(sizes)
    return np.asarray(np.where(np.abs(values) < 0.01, 0.5, values))


def probability(rng: Rng, sizes: tuple[int, ...]) -> Array:
    return rng.uniform(0.05, 0.95, sizes)


def simplex(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Columns of positive multiples of 1/64 that sum to 1, exactly and in every dtype."""
    spread = rng.multinomial(64 - sizes[0], np.full(sizes[0], 1 / sizes[0]), size=sizes[1:])
    return np.asarray(np.moveaxis(spread + 1, -1, 0) / 64)


def binary(rng: Rng, sizes: tuple[int, ...]) -> Array:
    values = rng.integers(0, 2, sizes).astype(float)
    values.flat[:2] = (0, 1)[: values.size]  # both labels occur
    return values


def one_hot(rng: Rng, sizes: tuple[int, ...]) -> Array:
    classes = rng.integers(0, sizes[0], sizes[1:])
    return np.asarray((np.arange(sizes[0]).reshape(-1, *[1] * len(sizes[1:])) == classes).astype(float))


def one_hot_pixels(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """A class for every pixel: one-hot along the last axis."""
    return np.moveaxis(one_hot(rng, (sizes[-1], *sizes[:-1])), 0, -1)


def positive(rng: Rng, sizes: tuple[int, ...]) -> Array:
    return rng.uniform(0.5, 2, sizes)


def boxes(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Corners x1 y1 x2 y2 along the last axis, of boxes that often overlap."""
    near = rng.uniform(0, 8, (*sizes[:-1], 2))
    return np.concatenate([near, near + rng.uniform(1, 6, near.shape)], axis=-1)


def tied_boxes(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Corners that are whole numbers: boxes that share edges, touch, or are the same."""
    near = rng.integers(0, 4, (*sizes[:-1], 2)).astype(float)
    return np.concatenate([near, near + rng.integers(1, 4, near.shape)], axis=-1)


def epochs(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """1, 2, 3, ...: epochs of training."""
    return np.arange(1.0, 1 + np.prod(sizes)).reshape(sizes)


def permutation(rng: Rng, sizes: tuple[int, ...]) -> Array:
    return np.asarray(rng.permutation(sizes[0]))


def integers(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Small whole numbers as floats, with ties."""
    return rng.integers(-3, 4, sizes).astype(float)


def threes(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """-9, -6, ..., 9, with ties: both kinks of relu6."""
    return 3 * integers(rng, sizes)


def wide(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Normal, on both sides of both kinks of relu6."""
    return 4 * normal(rng, sizes)


def two_valued(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Normal here; in exact runs an integer plus and minus 1/2, so that statistics are exact."""
    return normal(rng, sizes)


def hard_scores(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Normal here; in exact runs scores of which one or two win by so much that exp underflows for the others."""
    return normal(rng, sizes)


def modest(rng: Rng, sizes: tuple[int, ...]) -> Array:
    """Normal here; in exact runs -1, 0 and 1, whose exponentials do not overflow."""
    return normal(rng, sizes)


KINDS: dict[str, Callable[[Rng, tuple[int, ...]], Array]] = {
    kind.__name__: kind
    for kind in (
        normal,
        probability,
        simplex,
        binary,
        one_hot,
        one_hot_pixels,
        positive,
        boxes,
        tied_boxes,
        epochs,
        permutation,
        integers,
        threes,
        wide,
        two_valued,
        hard_scores,
        modest,
    )
}
KINDS |= region_feed.KINDS | object_feed.KINDS
DATA_KINDS = {"binary", "one_hot", "one_hot_pixels", "epochs", "permutation", *region_feed.KINDS, *object_feed.KINDS}
"""Kinds that are data: no gradient is taken by them."""


def draw(rng: Rng, spec: Spec) -> Array:
    if spec.kind not in KINDS:
        raise ValueError(f"unknown kind of numbers {spec.kind!r}{nearest(spec.kind, KINDS)}")
    return KINDS[spec.kind](rng, spec.sizes)


@dataclass(frozen=True)
class Feed:
    """One batch and the point at which the network is looked at."""

    params: Mapping[str, Array]
    state: Mapping[str, Array]
    inputs: Mapping[str, Array]
    labels: Array | None
    cotangents: tuple[Array, ...] = ()
    uniforms: Mapping[str, Array] = ()  # type: ignore[assignment]


def same(a: Feed, b: Feed) -> bool:
    """Whether a pass is fed the same numbers, whatever its labels."""
    return all(
        one.keys() == other.keys() and all(np.array_equal(value, other[name]) for name, value in one.items())
        for one, other in zip(groups(a), groups(b))
    )


def groups(feed: Feed) -> Iterator[dict[Any, Array]]:
    for numbers in (feed.params, feed.state, feed.inputs, feed.uniforms, enumerate(feed.cotangents)):
        yield dict(numbers)


def inputs_of(case: Case, seed: int, batch: int) -> dict[str, Array]:
    """The inputs of batch number `batch`."""
    rng = np.random.default_rng(case.seed(seed, "inputs", batch))
    return {name: draw(rng, parse(text)) for name, text in case.inputs.items()}


def labels_of(case: Case, seed: int, batch: int) -> Array | None:
    rng = np.random.default_rng(case.seed(seed, "labels", batch))
    return draw(rng, parse(case.labels)) if case.labels else None


def parameters(case: Case, seed: int, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """Random parameters, scaled so that a layer's outputs are of the order of its inputs."""
    rng = np.random.default_rng(case.seed(seed, "parameters"))
    return {path: normal(rng, shape) * np.sqrt(max(shape) / np.prod(shape)) for path, shape in shapes.items()}


def running_state(case: Case, seed: int, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """Random running statistics; variances (sigma2) are positive."""
    rng = np.random.default_rng(case.seed(seed, "state"))
    return {
        path: (positive if path.rsplit(".", 1)[-1] == "sigma2" else normal)(rng, shape)
        for path, shape in shapes.items()
    }


def cotangent(case: Case, seed: int, shape: tuple[int, ...], index: int) -> Array:
    """A random direction in the space of the output: gradients are those of <cotangent, output>."""
    return normal(np.random.default_rng(case.seed(seed, "cotangent", index)), shape)


def uniform(case: Case, seed: int, batch: int | str, path: str, shape: tuple[int, ...]) -> Array:
    """The uniform numbers with which the dropout at `path` decides: odd multiples of 1/32, which every dtype has and
    which no usual keep_prob comes so near that rounding it could change a decision."""
    return np.asarray(
        (2 * np.random.default_rng(case.seed(seed, "uniform", batch, path)).integers(0, 16, shape) + 1) / 32
    )
