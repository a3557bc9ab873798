"""The noise that a case's tensors have in a dtype: what the reference's own arithmetic, disturbed, does to them.

Floors depend on the reference alone, so they are computed once and kept, under a digest of the reference's sources and
results.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from crosscheck import cache
from crosscheck.axes import Array
from crosscheck.numerics.carrier import values
from crosscheck.numerics.floor import R2_LIMIT, Floor, farthest, noise_floors
from crosscheck.numerics.formats import arithmetic, coarser
from crosscheck.numerics.noise import Emulator
from crosscheck.observation import Key
from reference.kernels import definition_only

SOURCES = ("reference", "crosscheck.numerics")
"""Packages on whose sources a floor depends."""

Lift = Callable[[Any], Any]
Experiment = Callable[[Lift], Mapping[Key, Any]]
"""A run of the reference on the numbers that `lift` makes: lift(array) -> number type."""


class Floors(Mapping[Key, Floor]):
    """Floors that are worked out when the first is asked for: bit-identical tensors need none."""

    def __init__(self, keys: Collection[Key], make: Callable[[], Mapping[Key, Floor]]) -> None:
        self.names, self.make = keys, make

    @cached_property
    def made(self) -> Mapping[Key, Floor]:
        return self.make()

    def __getitem__(self, key: Key) -> Floor:
        if key not in self.names:
            raise KeyError(key)
        return self.made[key]

    def __contains__(self, key: object) -> bool:
        return key in self.names

    def __iter__(self) -> Iterator[Key]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def exact(experiment: Experiment) -> dict[Key, Array]:
    """What the experiment gives in float64, by the reference's definitions alone.

    These are what the noise disturbs. About a kernel's result it would be as wide as the kernel is wrong; so kernels
    are judged by it as every column is.
    """
    with definition_only():
        return {key: np.asarray(value) for key, value in experiment(lambda array: array).items()}


def floors(
    experiment: Experiment,
    reference: Mapping[Key, Array],
    dtype: str,
    name: str,
    accumulator: str | None = None,
    rare: bool = False,
) -> dict[Key, Floor]:
    """The noise floor of every tensor of the experiment about its exact value in `reference`.

    `name` tells experiments of unchanged sources apart. `accumulator` is the format in which sums are made, if not
    the usual one of the dtype. `rare`: the floor by which what failed is judged once more, which takes many more runs.
    """
    what = f"{name}|{accumulator}" + "|rare" * rare
    number = arithmetic(dtype, accumulator=accumulator)
    if rare:
        number = coarser(number, int(np.log2(R2_LIMIT)))

    def run(seed: int) -> dict[str, Array]:
        return named(experiment(Emulator(number, seed).lift))

    def make() -> dict[Key, Floor]:
        plain = named(reference)
        found = farthest(run, plain) if rare else noise_floors(run, plain, number.storage)
        return {key: found[text(key)] for key in reference}

    file = f"{digest(dtype, what, reference)}.safetensors"
    return cache.keep("noise", SOURCES, file, partial(load, reference=reference), make, written)


def digest(dtype: str, name: str, reference: Mapping[Key, Array]) -> str:
    """Of all that the floors depend on but the sources: dtype, experiment, and the very numbers that it gave."""
    content = hashlib.sha256(f"{dtype}|{name}".encode())
    for key, value in reference.items():
        content.update(f"{text(key)}{value.shape}{value.dtype}".encode())
        content.update(np.ascontiguousarray(value).tobytes())
    return content.hexdigest()


def named(tensors: Mapping[Key, Any]) -> dict[str, Array]:
    return {text(key): np.asarray(values(value), dtype=np.float64) for key, value in tensors.items()}


def text(key: Key) -> str:
    return f"{key.kind}|{key.path}"


def written(found: Mapping[Key, Floor]) -> bytes:
    arrays = {f"{text(key)}|tensor": np.asarray(floor.tensor) for key, floor in found.items()}
    arrays |= {f"{text(key)}|element": np.asarray(floor.element, order="C") for key, floor in found.items()}
    return bytes(save(arrays))


def load(file: Path, reference: Mapping[Key, Array]) -> dict[Key, Floor] | None:
    """What was kept, or None if there is none, or it does not fit (a damaged file is computed anew)."""
    try:
        kept = load_file(file)
        found = {key: Floor(float(kept[f"{text(key)}|tensor"]), kept[f"{text(key)}|element"]) for key in reference}
    except (OSError, KeyError, SafetensorError):
        return None
    fits = all(floor.element.shape == np.shape(reference[key]) for key, floor in found.items())
    return found if fits else None
