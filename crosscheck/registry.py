"""The three columns: one package each, whose members are found by their mirrored dotted names."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from functools import cache
from types import ModuleType
from typing import Any

from crosscheck.names import nearest

PACKAGES = {"numpy": "reference", "torch": "torch_impl", "jax": "jax_impl"}
"""Column name, as in reports and `--backends`, to the package that implements it."""

FRAMEWORKS = {"numpy": (), "torch": ("torch",), "jax": ("jax", "flax", "optax")}
"""What must be installed for a column to run."""


@cache
def missing(column: str) -> str:
    """Why the column cannot run, or "" if it can. Imports nothing."""
    if column not in PACKAGES:
        raise LookupError(f"unknown backend {column!r}{nearest(column, PACKAGES)}")
    absent = [name for name in FRAMEWORKS[column] if importlib.util.find_spec(name) is None]
    if not absent:
        return ""
    return f"{' and '.join(absent)} not installed (in the project's folder: pip install -e '.[{column}]')"


def layout_of(column: str) -> ModuleType:
    """The column's own statement of where its parameters live."""
    return importlib.import_module(f"{PACKAGES[column]}.layout")


def find(column: str, target: str) -> Any:
    """The class or function that the column gives the dotted name `target`.

    Raises LookupError with the nearest known names if there is none.
    """
    module_name, _, name = target.rpartition(".")
    path = f"{PACKAGES[column]}.{module_name}".rstrip(".")
    try:
        exists = importlib.util.find_spec(path) is not None
    except ModuleNotFoundError:
        exists = False
    if exists and hasattr(module := importlib.import_module(path), name):
        return getattr(module, name)
    if column == "numpy":
        raise LookupError(f"unknown architecture {target!r}{nearest(target, public_names('numpy'))}")
    raise LookupError(f"{PACKAGES[column]} has no {target!r}")


@cache
def public_names(column: str) -> tuple[str, ...]:
    """Every public class and function of the column's layers, nets, detection and training, as dotted names."""
    names = []
    for module_name in module_names(column):
        module = importlib.import_module(f"{PACKAGES[column]}.{module_name}")
        names += [f"{module_name}.{name}" for name in own_names(module)]
    return tuple(names)


def module_names(column: str) -> list[str]:
    """The dotted module names that are mirrored in every column: those below its folders, kernels aside."""
    from pkgutil import walk_packages

    package = importlib.import_module(PACKAGES[column])
    found = walk_packages(package.__path__, f"{PACKAGES[column]}.")
    inner = [info.name.split(".", 1)[1] for info in found if not info.ispkg]
    return sorted(name for name in inner if "." in name and not name.startswith("kernels."))


def own_names(module: ModuleType) -> list[str]:
    """The public classes and functions that a module defines itself, in the order of the source."""
    members = [
        (inspect.getsourcelines(value)[1], name)
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    ]
    return [name for _, name in sorted(members)]
