"""The joined table of one architecture: where each column keeps every parameter, and what its axes mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from crosscheck import registry
from crosscheck.axes import parse
from crosscheck.backends.base import reference_module
from crosscheck.case import Case, all_cases
from crosscheck.layout import Layout, Row, join
from crosscheck.names import nearest

Layouts = Mapping[str, Layout]


def find_case(name: str) -> Case:
    """The case of that name, or the first of that architecture. Raises LookupError with the nearest names."""
    for case in all_cases():
        if name in (case.name, case.target):
            return case
    known = [known for case in all_cases() for known in (case.name, case.target)]
    raise LookupError(f"unknown architecture {name!r}{nearest(name, known)}")


def page(case: Case) -> RenderableType:
    """A study page: what the architecture is given, and its parameters and running statistics in every column."""
    specs = {name: parse(text) for name, text in case.inputs.items()}
    sizes = {axis: size for spec in specs.values() for axis, size in zip(spec.axes.split(), spec.sizes)}
    module = reference_module(case)
    layouts = {column: join(module, column, sizes) for column in registry.PACKAGES}
    arguments = ", ".join(f"{name}={value!r}" for name, value in case.arguments.items())
    parts: list[RenderableType] = [Text(f"{case.target}({arguments})", "bold")]
    if case.why:
        parts.append(Text(case.why, "dim"))
    parts.append(Padding(data_table(case, layouts), (1, 0, 0, 0)))
    for title, trainable in (("parameter", True), ("running statistic", False)):
        if any(row.trainable == trainable for row in layouts["numpy"].rows):
            parts.append(Padding(parameter_table(title, trainable, layouts), (1, 0, 0, 0)))
    if not layouts["numpy"].rows:
        parts.append(Text("It has no parameters.", "dim"))
    return Group(*parts)


def new_table(first: str) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    table.add_column(first, overflow="fold")
    for column in registry.PACKAGES.values():
        table.add_column(column, overflow="fold")
    return table


def data_table(case: Case, layouts: Layouts) -> Table:
    table = new_table("input")
    inputs = dict(case.inputs) | ({"labels": case.labels} if case.labels else {})
    for name, text in inputs.items():
        spec = parse(text)
        theirs = [layout.data.get(spec.axes, spec.axes) for column, layout in layouts.items() if column != "numpy"]
        table.add_row(Text(name), *map(Text, [sized(spec.axes, spec.sizes), *theirs]))
    return table


def parameter_table(title: str, trainable: bool, layouts: Layouts) -> Table:
    """Paths of submodules are equal in all columns, so each is named once, above its parameters."""
    table = new_table(title)
    heading = ""
    for rows in zip(*(layout.rows for layout in layouts.values())):
        own: Row = rows[0]
        if own.trainable != trainable:
            continue
        module, _, name = own.path.rpartition(".")
        if module != heading:
            heading = module
            table.add_row(Text(heading, "bold"))
        places = [Text.assemble((within(row.column_path, module), "cyan"), f"  {row.column_axes}") for row in rows[1:]]
        table.add_row(Text(f"  {name}"), sized(own.axes, own.shape), *places)
    return table


def within(path: str, module: str) -> str:
    return path.removeprefix(f"{module}.") if module else path


def sized(axes: str, sizes: Sequence[int]) -> str:
    """ "(h w c) m" of shape (30, 4) as "(h w c)=30 m=4"."""
    names = re.findall(r"\([^)]*\)|\S+", axes)
    return " ".join(name if name == "1" else f"{name}={size}" for name, size in zip(names, sizes))
