"""The catalogue: every known mistake as data, a file for each column and kind of layer; imports no framework itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from crosscheck import registry
from crosscheck.names import nearest

Replacement = Callable[[Any], Any]

RUNG_WHERE_IT_BITES = {
    "structure": "structure",
    "forward": "forward",
    "gradient": "backward",
    "state": "state",
    "training": "training",
    "precision": "forward",
    "wiring": "forward",
    "nothing": "",
}
"""What a fault falsifies, and the rung that must refuse it unless its site says otherwise.

"gradient", "state" and "training" faults leave every output of a single pass right. "precision" faults are right up
to the rounding of a narrower format, "wiring" faults lie between sound layers. "nothing" marks a control: another
sound way to compute the same, which the checker must let pass.
"""


class Site(NamedTuple):
    """A case on which a fault is planted, and what a checker must then say.

    blame: the path of the submodule at fault ("" is the whole), the first if there are several, or the dotted name of
    the cost or optimizer
    rung: the rung that must refuse it, if it is not the usual one
    """

    case: str
    blame: str = ""
    rung: str = ""


@dataclass(frozen=True)
class Fault:
    """A mistake that can be planted in one column.

    kind: the layer, or what else it is, that it is a mistake in
    where: what is replaced, "torch_impl.layers.dense:Dense.forward"; an entry of a dict counts as an attribute
    replacement: maps the original to the faulty one
    only: the instances in which a faulty method is planted, so that one layer of a net errs and its like are sound
    evidence: slugs of known differences from which it comes; evidence.py has public threads on them
    """

    name: str
    column: str
    kind: str
    where: str
    replacement: Replacement
    sites: tuple[Site, ...]
    bites: str = "forward"
    only: Callable[[Any], bool] | None = None
    evidence: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.bites not in RUNG_WHERE_IT_BITES:
            raise ValueError(f"{self.id}: unknown bites {self.bites!r}{nearest(self.bites, RUNG_WHERE_IT_BITES)}")

    @property
    def id(self) -> str:
        return f"{self.column} {self.kind}: {self.name}"

    @property
    def is_control(self) -> bool:
        return self.bites == "nothing"

    def rung(self, site: Site) -> str:
        """The rung that must refuse the fault there; "" for a control."""
        return site.rung or RUNG_WHERE_IT_BITES[self.bites]


class Row(Protocol):
    def __call__(self, name: str, replacement: Replacement, *sites: Site, **more: Any) -> Fault: ...


def rows(column: str, kind: str, **shared: Any) -> Row:
    """The maker of a table's rows, which have a column, a kind and perhaps more in common."""

    def row(name: str, replacement: Replacement, *sites: Site, **more: Any) -> Fault:
        return Fault(name, column, kind, replacement=replacement, sites=sites, **(shared | more))

    return row


def catalogue(columns: Iterable[str] = tuple(registry.PACKAGES)) -> tuple[Fault, ...]:
    """Every fault of the given columns, in the order of the files. Two of one name are an error."""
    found = [fault for column in columns for module in modules(column) for fault in module.FAULTS]
    ids = [fault.id for fault in found]
    doubled = sorted({name for name in ids if ids.count(name) > 1})
    if doubled:
        raise ValueError(f"two faults are named {doubled[0]!r}; give one of them another name")
    return tuple(found)


def modules(column: str) -> list[Any]:
    """The files of one column's faults; importing them imports its framework."""
    package = f"{__package__}.{column}_faults"
    path = importlib.import_module(package).__path__
    names = sorted(info.name for info in pkgutil.iter_modules(path, f"{package}."))
    return [module for module in map(importlib.import_module, names) if hasattr(module, "FAULTS")]


def select(patterns: Iterable[str], among: Iterable[Fault]) -> list[Fault]:
    """The faults whose id contains one of the patterns; all of them if there is none."""
    patterns, among = list(patterns), list(among)
    for pattern in patterns:
        if not any(pattern in fault.id for fault in among):
            raise LookupError(f"no fault matches {pattern!r}{nearest(pattern, [fault.id for fault in among])}")
    return [fault for fault in among if not patterns or any(pattern in fault.id for pattern in patterns)]
