"""Nested arguments and results as named arrays: {"hidden_states.0": array}, and back.

Lists, tuples, dicts, named tuples and dataclasses are taken apart, whatever is not an array is left where it is. A
value that is itself an array has the name "".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

Leaves = dict[str, Any]


def flatten(value: Any, is_array: Callable[[Any], bool], name: str = "") -> Leaves:
    """The arrays in `value` by name, in order."""
    if is_array(value):
        return {name: value}
    found: Leaves = {}
    for key, part in children(value):
        found |= flatten(part, is_array, f"{name}.{key}" if name else key)
    return found


def rebuild(value: Any, leaves: Mapping[str, Any], name: str = "") -> Any:
    """`value` with the arrays named in `leaves` in place of its own."""
    if name in leaves:
        return leaves[name]
    parts = {key: rebuild(part, leaves, f"{name}.{key}" if name else key) for key, part in children(value)}
    if not parts or all(part is old for part, (_, old) in zip(parts.values(), children(value))):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, Mapping):
        return dataclasses.replace(value, **parts)  # type: ignore[type-var]
    if isinstance(value, Mapping):
        return type(value)(**parts) if dataclasses.is_dataclass(value) else type(value)(parts)  # type: ignore[call-arg]
    if hasattr(value, "_fields"):
        return type(value)(**parts)
    return type(value)(parts.values())


def children(value: Any) -> list[tuple[str, Any]]:
    """The named parts of a container; none of anything else."""
    if isinstance(value, Mapping):
        return [(str(key), part) for key, part in value.items()]
    if hasattr(value, "_fields"):
        return list(zip(value._fields, value))
    if isinstance(value, (list, tuple)):
        return [(str(index), part) for index, part in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    return []
