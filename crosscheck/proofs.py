"""What certificates prove of a case's tensors: in which arithmetic they are exact whatever the order of their sums.

Like noise floors they depend on the reference alone, so they are worked out once and kept, under a digest of the
reference's sources and results.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from crosscheck import cache, noise
from crosscheck.axes import Array
from crosscheck.noise import Experiment
from crosscheck.numerics.carrier import values
from crosscheck.numerics.certificate import UNCERTIFIED, Certified, Demand, Evidence, certify, lattice
from crosscheck.numerics.formats import arithmetic
from crosscheck.observation import Key


@dataclass(frozen=True)
class Proof:
    """A tensor's values, by the reference's definition; the evidence that they are exact; the exponent of the step of
    the grid on which they lie."""

    value: Array
    evidence: Evidence
    lattice: float

    def covers(self, dtype: str, accumulator: str | None = None) -> bool:
        """Whether the values are exact in the arithmetic of that name."""
        return bool(self.value.size) and self.evidence.fits(arithmetic(dtype, accumulator=accumulator))

    @property
    def step(self) -> float:
        """Infinite for zeros only."""
        return float(2.0**self.lattice)


def proofs(experiment: Experiment, reference: Mapping[Key, Array], name: str) -> dict[Key, Proof]:
    """Of every tensor of the experiment; `name` tells experiments of unchanged sources apart, and so do their results
    (`reference`)."""

    def make() -> dict[Key, Proof]:
        return {key: proof(tensor) for key, tensor in experiment(certify).items()}

    file = noise.digest("", name, reference)
    return cache.keep("proofs", noise.SOURCES, file, partial(load, reference=reference), make, written)


def proof(tensor: Any) -> Proof:
    value = np.asarray(values(tensor), dtype=np.float64)
    if not isinstance(tensor, Certified):
        return Proof(value, UNCERTIFIED, np.inf)
    return Proof(value, tensor.evidence, lattice(tensor))


def written(found: Mapping[Key, Proof]) -> bytes:
    arrays = {f"{noise.text(key)}|value": np.asarray(proof.value, order="C") for key, proof in found.items()}
    arrays |= {f"{noise.text(key)}|evidence": np.array(numbers(proof)) for key, proof in found.items()}
    return bytes(save(arrays))


def numbers(proof: Proof) -> list[float]:
    """The evidence's demands one after the other, and the lattice."""
    demands = (proof.evidence.storage, proof.evidence.operand, proof.evidence.accumulator, proof.evidence.reduction)
    return [*(float(number) for demand in demands for number in astuple(demand)), proof.lattice]


def load(file: Path, reference: Mapping[Key, Array]) -> dict[Key, Proof] | None:
    """What was kept, or None if there is none, or it does not fit (a damaged file is worked out anew)."""
    try:
        kept = load_file(file)
        return {key: read(kept, noise.text(key)) for key in reference}
    except (OSError, KeyError, ValueError, SafetensorError):
        return None


def read(kept: Mapping[str, Array], name: str) -> Proof:
    *demands, exponent = kept[f"{name}|evidence"]
    storage, operand, accumulator, reduction = (Demand(*row) for row in np.reshape(demands, (4, 3)).tolist())
    return Proof(kept[f"{name}|value"], Evidence(storage, operand, accumulator, reduction), float(exponent))
