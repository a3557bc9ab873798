"""Planting a fault: an attribute of a column is replaced while a context is open, and always put back."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, nullcontext
from typing import Any

from crosscheck import cache
from crosscheck.faults.catalogue import Fault, Replacement

ABSENT = object()

SPOILT = {"numpy": ("noise", "proofs"), "jax": ("programs",)}
"""What would be kept of a faulty column for later runs."""


@contextmanager
def planted(fault: Fault) -> Iterator[None]:
    """The column is faulty while this is open. What was built before may go on computing as it did: build anew.

    What is computed from a faulty column is not kept for later runs.
    """
    owner, name = resolve(fault.where)
    replacement = fault.replacement if fault.only is None else in_some(fault.only, fault.replacement)
    before = vars(owner).get(name, ABSENT) if not isinstance(owner, MutableMapping) else owner[name]
    put(owner, name, replacement(member(owner, name)))
    try:
        with cache.suspended(*SPOILT[fault.column]) if fault.column in SPOILT else nullcontext():
            yield
    finally:
        put(owner, name, before)


def resolve(where: str) -> tuple[Any, str]:
    """The owner and name of what "module:Class.attribute" says. Raises LookupError if there is no such thing."""
    module, _, path = where.partition(":")
    *parents, name = path.split(".")
    owner: Any = importlib.import_module(module)
    try:
        for parent in parents:
            owner = member(owner, parent)
        member(owner, name)
    except (AttributeError, KeyError):
        raise LookupError(f"nothing to replace at {where!r}") from None
    return owner, name


def member(owner: Any, name: str) -> Any:
    return owner[name] if isinstance(owner, MutableMapping) else getattr(owner, name)


def put(owner: Any, name: str, value: Any) -> None:
    if isinstance(owner, MutableMapping):
        owner[name] = value
    elif value is ABSENT:  # it was inherited
        delattr(owner, name)
    else:
        setattr(owner, name, value)


def in_some(chosen: Callable[[Any], bool], replacement: Replacement) -> Replacement:
    """A replacement of a method that errs in the chosen instances only."""

    def faulty_there(original: Any) -> Any:
        faulty = replacement(original)

        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            return (faulty if chosen(self) else original)(self, *args, **kwargs)

        return method

    return faulty_there
