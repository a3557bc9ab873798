"""How the columns' parameters correspond: each column's own statement joined with the reference by name.

A column whose parameters or buffers are not claimed exactly once is refused before anything runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from crosscheck import registry
from crosscheck.axes import Array, convert

Statements = Mapping[str, Mapping[str, tuple[str, str]]]


@dataclass(frozen=True)
class Row:
    """One parameter or running statistic: its path and axes in the reference, and in one column."""

    path: str
    axes: str
    shape: tuple[int, ...]
    column_path: str
    column_axes: str
    trainable: bool
    sizes: Mapping[str, int]

    def to_column(self, value: Array) -> Array:
        return convert(value, self.axes, self.column_axes, self.sizes)

    def from_column(self, value: Array) -> Array:
        return convert(value, self.column_axes, self.axes, self.sizes)


@dataclass(frozen=True)
class Layout:
    """The joined table of one architecture and one column."""

    column: str
    rows: tuple[Row, ...]
    module: Any
    data: Mapping[str, str]
    bookkeeping: Mapping[str, str]
    moments: Mapping[str, Mapping[str, tuple[str, Callable[..., float]]]]
    input_sizes: Mapping[str, int]

    def require_coverage(self, present: Mapping[str, tuple[int, ...]]) -> None:
        """Every parameter and buffer the column has is claimed once, has the claimed shape, and none is missing."""
        claimed = [row.column_path for row in self.rows]
        doubly = {path for path in claimed if claimed.count(path) > 1}
        unclaimed = {
            path for path in present if path not in claimed and path.rsplit(".", 1)[-1] not in self.bookkeeping
        }
        absent = set(claimed) - set(present)
        complaints = [
            f"{what}: {', '.join(sorted(paths))}"
            for what, paths in (("unclaimed", unclaimed), ("missing", absent), ("claimed twice", doubly))
            if paths
        ]
        complaints += [
            f"{row.column_path} has shape {present[row.column_path]}, expected {self.shape(row)} ({row.column_axes})"
            for row in self.rows
            if row.column_path in present and tuple(present[row.column_path]) != self.shape(row)
        ]
        if complaints:
            raise ValueError(f"layout of the {self.column} column does not cover it: {'; '.join(complaints)}")

    def shape(self, row: Row) -> tuple[int, ...]:
        """The shape that a row's tensor must have in the column."""
        import numpy as np

        return tuple(row.to_column(np.broadcast_to(0.0, row.shape)).shape)

    def to_column(self, values: Mapping[str, Array], trainable: bool) -> dict[str, Array]:
        """Reference paths and axes to the column's."""
        rows = [row for row in self.rows if row.trainable == trainable]
        return {row.column_path: row.to_column(values[row.path]) for row in rows}

    def from_column(self, values: Mapping[str, Array], trainable: bool) -> dict[str, Array]:
        """The column's paths and axes to the reference's."""
        rows = [row for row in self.rows if row.trainable == trainable]
        return {row.path: row.from_column(values[row.column_path]) for row in rows}

    def data_to_column(self, value: Array, axes: str) -> Array:
        return convert(value, axes, self.data.get(axes, axes), self.sizes_for(axes))

    def data_from_column(self, value: Array, axes: str) -> Array:
        return convert(value, self.data.get(axes, axes), axes, self.sizes_for(axes))

    def data_axes(self, path: str, role: str, rank: int) -> str:
        """The reference's axes of a module's input or output (`role` "in" or "out")."""
        return data_axes(self.module, path, role, rank)

    def sizes_for(self, axes: str) -> Mapping[str, int]:
        return {**self.input_sizes, **attribute_sizes(self.module, axes)} if "(" in axes else {}


def join(module: Any, column: str, input_sizes: Mapping[str, int] = MappingProxyType({})) -> Layout:
    """The table for an architecture of the reference (or a plain function, which has no parameters) in a column.

    `input_sizes` are sizes of axes that grouped axes may be split into where the module itself does not tell them.
    """
    own = registry.layout_of(column)
    if column == "numpy":
        return Layout(column, tuple(rows_of(module, None, column)), module, {}, {}, {}, input_sizes)
    rows = tuple(rows_of(module, own.PARAMETERS, column))
    return Layout(column, rows, module, own.DATA, own.BOOKKEEPING, own.MOMENTS, input_sizes)


def rows_of(net: Any, own: Statements | None, column: str) -> Iterable[Row]:
    """One row for every parameter and running statistic; `own` is None for the reference itself."""
    from reference.module import shape_of, walk

    parts = dict(walk(net)) if hasattr(net, "parts") else {}
    finer = finer_statements(parts, own)
    for path, part in parts.items():
        for kind in ("params", "state"):
            for name, axes in getattr(part, kind).items():
                full, shape = dotted(path, name), shape_of(part, axes)
                if full in finer:
                    owner, axes, kept = finer[full]
                else:
                    owner, kept = path, stated(own, type(part).__name__, name, axes, column)
                sizes = attribute_sizes(parts[owner], axes)
                yield Row(full, axes, shape, dotted(owner, kept[0]), kept[1], kind == "params", sizes)


def stated(own: Statements | None, owner: str, name: str, axes: str, column: str) -> tuple[str, str]:
    """Where a column keeps the parameter `name` of a layer, and with which axes."""
    if own is None:
        return name, axes
    if name not in own.get(owner, {}):
        raise ValueError(f"layout of the {column} column says nothing of {owner}.{name}")
    return own[owner][name]


def finer_statements(parts: Mapping[str, Any], own: Statements | None) -> dict[str, tuple[str, str, tuple[str, str]]]:
    """Parameters whose axes a net states more finely than their layer: path -> (net's path, axes, column's place)."""
    from reference import layout as reference_layout

    finer = {}
    for path, part in parts.items():
        owner = type(part).__name__
        for name, axes in reference_layout.PARAMETERS.get(owner, {}).items():
            kept = (name, axes) if own is None else own[owner][name]
            finer[dotted(path, name)] = (path, axes, kept)
    return finer


def attribute_sizes(module: Any, axes: str) -> dict[str, int]:
    """The sizes of those named axes that are attributes of the module."""
    names = axes.replace("(", " ").replace(")", " ").split()
    return {name: getattr(module, name) for name in names if isinstance(getattr(module, name, None), int)}


def data_axes(net: Any, path: str, role: str, rank: int) -> str:
    """The reference's axes of the input or output of the module at `path`: stated by the net, else by rank."""
    from reference import layout as reference_layout

    by_rank = reference_layout.ACTIVATIONS.get(rank, " ".join(f"axis{i}" for i in range(rank)))
    return stated_axes(net, path, role) or by_rank


def stated_axes(net: Any, path: str, role: str) -> str:
    """What the reference's net itself says of them, or ""."""
    from reference import layout as reference_layout

    return str(reference_layout.DATA.get(type(net).__name__, {}).get(f"{path} {role}", ""))


def dotted(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
