"""A case: which architecture is checked, with which sizes, and why. Cases are data; `cases/` holds them."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from crosscheck.names import nearest


@dataclass(frozen=True)
class Case:
    """One row of `cases/`.

    target: dotted name below each column, "layers.dense.Dense"; a class, or a function of its inputs
    part: dotted path of the submodule that alone is checked; "" for the whole
    factory: the target is a function of `arguments` that returns the function to be checked
    variant: tells rows of one target apart; the case's name is "target/variant"
    why: the reason that the row exists
    arguments: constructor arguments (of a function: its keyword arguments)
    inputs: name -> axes, sizes and kind of numbers, e.g. {"A_prev": "n=7 m=5"}; kinds are listed in crosscheck/feed.py
    output: the output's axes in the reference where its rank does not tell them ("n m" for a matrix); those of several
    outputs are separated by commas: "m k, m k box"
    cost, labels: dotted name of the cost a net is trained with, a function of its outputs and the labels; their spec
    cost_arguments: keyword arguments of the cost
    differentiable: False for piecewise constant functions, of which only the output is compared
    compiled: also run under torch.compile
    vacuous: tensors whose being zero or constant is expected, "gradient layers.0.b" -> reason
    """

    target: str
    variant: str = ""
    why: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    output: str = ""
    factory: bool = False
    part: str = ""
    cost: str = ""
    cost_arguments: Mapping[str, Any] = field(default_factory=dict)
    labels: str = ""
    differentiable: bool = True
    compiled: bool = False
    vacuous: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.target}/{self.variant}" if self.variant else self.target

    def seed(self, *parts: object) -> int:
        """A number that depends on the case's name and `parts` only, to seed its random draws."""
        text = "|".join([self.name, *map(str, parts)])
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


@cache
def all_cases() -> tuple[Case, ...]:
    """Every row under `cases/`, in the order of the files. Two rows of one name are an error."""
    import cases

    rows: list[Case] = []
    for info in sorted(pkgutil.walk_packages(cases.__path__, "cases."), key=lambda info: info.name):
        if not info.ispkg:
            rows += importlib.import_module(info.name).CASES
    names = [row.name for row in rows]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two cases are named {name!r}; give one of them another variant")
    return tuple(rows)


def select(patterns: Iterable[str]) -> list[Case]:
    """The cases that the patterns mean, all of them if there is none: a pattern that is a case's name means that case
    alone, any other the cases whose name contains it."""
    patterns, names = list(patterns), {case.name for case in all_cases()}

    def meant(case: Case, pattern: str) -> bool:
        return case.name == pattern if pattern in names else pattern in case.name

    chosen = [case for case in all_cases() if not patterns or any(meant(case, pattern) for pattern in patterns)]
    for pattern in patterns:
        if not any(pattern in case.name for case in chosen):
            raise LookupError(f"no case matches {pattern!r}{nearest(pattern, [case.name for case in all_cases()])}")
    return chosen
