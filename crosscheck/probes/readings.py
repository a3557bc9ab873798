"""What the probes find on a column and device, and how that compares with what is declared (crosscheck/policies.py).

    product      4097 * 1 in float32                    4096 under TF32, bfloat16 or float16
    accumulator  2^23 + 64 ones in float32              less if the accumulator has fewer than 24 bits
    wide sum     n ones and fives, mean 2, in 16 bits   2n in a float32 accumulator; far less in a 16-bit one
    small sum    2^p and 16 ones in a format of p bits  2^p if each one is rounded away as it is added

One operand of a product is 1, because two lossy operands can cancel each other's error.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from crosscheck import policies
from crosscheck.axes import Array
from crosscheck.numerics.formats import FORMATS

Operation = Callable[[Array, Array, str], float]
"""sum_k a_k b_k, computed by one operation of a framework in a dtype."""

HALVES = ("bfloat16", "float16")


@dataclass(frozen=True)
class Reading:
    """One probe of one operation: what was found, what exact arithmetic gives, and what that says about the mode."""

    column: str
    operation: str
    dtype: str
    probe: str
    found: float
    exact: float

    @property
    def full(self) -> bool:
        return self.found == self.exact

    @property
    def says(self) -> str:
        if self.probe == "product":
            return "full float32 products" if self.full else "products are rounded to 16 bits or TF32"
        if self.probe == "accumulator":
            return "float32 accumulator" if self.full else "accumulator narrower than float32"
        return "float32 accumulator" if self.full else f"accumulates in {self.dtype}"


@cache
def readings(column: str, device: str = "cpu", dtypes: tuple[str, ...] = ("float32", *HALVES)) -> tuple[Reading, ...]:
    """Every probe in these dtypes on every operation that the column's executor offers; imports the framework."""
    executor = importlib.import_module(f"crosscheck.probes.{column}_executor")
    operations: Mapping[str, Operation] = executor.operations(device)
    found = []
    for operation, run in operations.items():
        for probe, dtype, a, b in probes():
            if dtype not in dtypes:
                continue
            try:
                value = run(a, b, dtype)
            except NotImplementedError:
                continue
            found.append(Reading(column, operation, dtype, probe, value, float(a @ b)))
    return tuple(found)


def summary(found: Iterable[Reading]) -> dict[str, str]:
    """The findings as facts of a settings audit: {"float32 products": "full", "bfloat16 sums": "float32"}."""
    lesser: dict[str, list[str]] = {}
    for reading in found:
        name = f"{reading.dtype} {'products' if reading.probe == 'product' else 'sums'}"
        operations = lesser.setdefault(name, [])
        if not reading.full and reading.operation not in operations:
            operations.append(reading.operation)
    return {name: fact(name, operations) for name, operations in lesser.items()}


def fact(name: str, operations: Sequence[str]) -> str:
    dtype, kind = name.split()
    usual, lesser = ("full", "rounded to 16 bits or TF32") if kind == "products" else ("float32", dtype)
    if dtype == "float32" and kind == "sums":
        lesser = "fewer bits"
    return f"{usual}, but {lesser} in {' and '.join(operations)}" if operations else usual


def surprises(found: Iterable[Reading]) -> list[str]:
    """What contradicts the declarations, in words: an operation is narrow in a dtype if any of its probes says so."""
    groups: dict[tuple[str, str, str], list[Reading]] = {}
    for reading in found:
        groups.setdefault((reading.column, reading.operation, reading.dtype), []).append(reading)
    texts = []
    for (column, operation, dtype), group in groups.items():
        worst = min(group, key=lambda reading: reading.full)
        if worst.full == policies.is_narrow(column, dtype, operation):
            texts.append(f"{column} {operation} in {dtype}: {worst.says} ({worst.found:g} for {worst.exact:g})")
    return texts


def probes() -> list[tuple[str, str, Array, Array]]:
    """(probe, dtype, a, b): the operation is given a and b, and must return their inner product."""
    one = np.zeros(64)
    one[0] = 1
    lossy = np.zeros(64)
    lossy[0] = 4097
    heap = np.ones(65)
    heap[0] = 2.0**23
    narrow = []
    for dtype in HALVES:
        small = np.ones(17)
        small[0] = 2.0 ** FORMATS[dtype].bits
        narrow += [("wide sum", dtype, lopsided(8192), np.ones(8192)), ("small sum", dtype, small, np.ones(17))]
    return [("product", "float32", lossy, one), ("accumulator", "float32", heap, np.ones(65)), *narrow]


def lopsided(n: int) -> Array:
    """n numbers in random order, three times as many ones as fives, whose sum is exactly 2n. Rounded to a multiple of
    4 or more they lose on average, where evenly spread numbers would lose and gain alike."""
    return np.random.default_rng(1).permutation(np.resize([1.0, 1.0, 1.0, 5.0], n))
