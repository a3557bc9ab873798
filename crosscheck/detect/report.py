"""What came of it: a table for the terminal, and one page that loads nothing."""

from __future__ import annotations

import base64
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rich.table import Table

from crosscheck.detect.job import COLUMNS, Result
from crosscheck.detect.scenes import CLASSES
from crosscheck.detect.training import TWIN
from crosscheck.report import files
from crosscheck.report.wording import number

Rows = list[tuple[str, list[str]]]


def rows(result: Result) -> Rows:
    """Name, and what stands in each column."""
    found = {name: result.found[name] for name in COLUMNS if name in result.found}

    def row(name: str, values: dict[str, str]) -> tuple[str, list[str]]:
        return name, [values.get(column, "not run" if column in result.not_run else "") for column in COLUMNS]

    scenes = result.training.recipe.held_out
    table = [row("mean average precision at IoU 0.5", {name: f"{each.mean:.4f}" for name, each in found.items()})]
    for k, kind in enumerate(CLASSES):
        table.append(row(f"  {kind}", {name: f"{each.by_class[k]:.4f}" for name, each in found.items()}))
    table.append(row("mean over IoU 0.50 to 0.95", {name: f"{each.coco:.4f}" for name, each in found.items()}))
    table.append(row(f"detections in {scenes} scenes", {name: str(len(each)) for name, each in found.items()}))
    for how, verdicts in (("trained by itself", result.trained), ("from one file of weights", result.loaded)):
        table.append(row(f"{how}: noise units", {name: number(each.units, 2) for name, each in verdicts.items()}))
        table.append(row(f"{how}: pixels apart", {name: f"{each.pixels:.1e}" for name, each in verdicts.items()}))
    table.append(row("weights apart", {name: f"{result.drift[name]:.1e}" for name in result.trained}))
    table.append(row("weights apart by rounding alone", {name: f"{result.drift[name + TWIN]:.1e}" for name in found}))
    return table


def table(result: Result) -> Table:
    recipe = result.training.recipe
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in (f"a YOLO trained on {recipe.scenes} scenes", *COLUMNS):
        shown.add_column(name, no_wrap=True)
    for name, values in rows(result):
        shown.add_row(name, *values)
    return shown


def write(result: Result, picture: bytes, path: Path) -> None:
    """The page, with the picture in it."""
    environment = Environment(
        loader=FileSystemLoader(Path(files.__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("detect.html").render(
        result=result,
        recipe=result.training.recipe,
        rows=rows(result),
        columns=COLUMNS,
        curves={name: list(enumerate(result.training.curves[name], 1)) for name in result.columns},
        picture=base64.b64encode(picture).decode(),
    )
    files.write_atomically(path, page)
