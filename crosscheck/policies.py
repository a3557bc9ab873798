"""Declared choices of the backends' arithmetic that are not the reference's: facts, verified by the probes.

Sums in bfloat16 and float16 are expected in a float32 accumulator. Where a backend is known to add up in the storage
format itself, its result is judged by the noise of that arithmetic, and its certificate asks for those few bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crosscheck.observation import Key


@dataclass(frozen=True)
class Policy:
    """The gradients by `parameters` ("Class.name" of the reference) that `column` accumulates in the tested dtype, and
    the probed operations that show it."""

    column: str
    dtypes: tuple[str, ...]
    parameters: tuple[str, ...]
    operations: tuple[str, ...]
    why: str


POLICIES = (
    Policy(
        "jax",
        ("bfloat16", "float16"),
        ("Dense.b", "Conv.b", "ConvTranspose.b", "TrueConvolution.b"),
        ("dense bias gradient", "conv bias gradient"),
        "the transpose of a bias's broadcast is lax.reduce, which adds up in the storage format",
    ),
    Policy(
        "torch",
        ("float16",),
        ("Conv.W", "ConvTranspose.W"),
        (),
        "PyTorch on the CPU accumulates the weight gradient of some grouped convolutions in float16",
    ),
)


def narrow(column: str, dtype: str, keys: Iterable[Key], module: Any) -> set[Key]:
    """Those of the keys that the column accumulates in the tested dtype itself."""
    names = {name for p in POLICIES if p.column == column and dtype in p.dtypes for name in p.parameters}
    owners = owner_classes(module) if names else {}
    return {key for key in keys if key.kind == "gradient" and f"{owner(key, owners)}.{leaf(key)}" in names}


def owner_classes(module: Any) -> Mapping[str, str]:
    from reference.module import walk

    return {path: type(part).__name__ for path, part in walk(module)} if hasattr(module, "parts") else {}


def owner(key: Key, owners: Mapping[str, str]) -> str:
    return owners.get(key.path.rpartition(".")[0], "")


def leaf(key: Key) -> str:
    return key.path.rpartition(".")[2]


def is_narrow(column: str, dtype: str, operation: str) -> bool:
    """Whether a probed operation is declared to accumulate in the tested dtype itself."""
    return any(p.column == column and dtype in p.dtypes and operation in p.operations for p in POLICIES)
