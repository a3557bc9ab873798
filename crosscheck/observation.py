"""What one run of one implementation shows: every tensor under a key, in the reference's axes, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from crosscheck.axes import Array


class Key(NamedTuple):
    """What a tensor is and where: Key("gradient", "layers.0.dense.W").

    Kinds: "output"; "input" and "activation" (a submodule's input and output), "cotangent" and "input cotangent" (the
    gradients of <cotangent, output> by them); "gradient" (by a parameter), "input gradient" (by an input of the whole);
    "state" (running statistics afterwards). In training: "loss", "parameter", "moment".
    """

    kind: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.path}".strip()


@dataclass(frozen=True)
class Observation:
    """tensors by key, their named axes, and the submodules' paths in the order in which they completed."""

    column: str
    tensors: Mapping[Key, Array]
    axes: Mapping[Key, str]
    modules: tuple[str, ...] = ()


@dataclass
class Node:
    """One call of one submodule while it is being recorded; gradients arrive later than the rest."""

    path: str
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    cotangents: tuple[Array | None, ...] = ()
    input_cotangents: tuple[Array | None, ...] = ()


def numbered(paths: list[str]) -> list[str]:
    """Paths made unique: the second call of a module "fc" is "fc#2"."""
    seen: dict[str, int] = {}
    result = []
    for path in paths:
        seen[path] = seen.get(path, 0) + 1
        result.append(path if seen[path] == 1 else f"{path}#{seen[path]}")
    return result


def indexed(path: str, index: int) -> str:
    """The path of the index-th of several inputs or outputs of one module."""
    return path if index == 0 else f"{path}[{index}]"
