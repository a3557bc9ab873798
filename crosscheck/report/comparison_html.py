"""A comparison as one HTML page that loads nothing, in the look of the suite's."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from crosscheck.report import comparison_words as say
from crosscheck.report.comparison_terminal import about, an_input, layout, piece, versions
from crosscheck.report.files import write_atomically

Entry = Mapping[str, Any]

CLASSES = {"agree": "agree", "excused": "agree", "diverge": "diverge", "crashed": "crashed", "not run": "not-run"}
NEAR = 6
"""Layers that are drawn on either side of one that is marked; longer stretches that agree are folded up."""


def render(document: Entry) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": say.figure, "tensor_name": say.tensor_name, "about": about, "an_input": an_input}
    return environment.get_template("comparison.html").render(
        document=document,
        say=say,
        classes=CLASSES,
        symbols=say.SYMBOLS,
        sides=say.sides(document),
        columns=[say.library(name) or "numpy" for name in frameworks(document)],
        statements=say.told(document),
        stretches=stretches(layers(document)),
        pairs=[(piece(link, "first"), piece(link, "second"), layout(link), link["why"]) for link in links(document)],
        versions=versions(document),
    )


def frameworks(document: Entry) -> list[str]:
    return [model["framework"] for model in document["models"]] or ["", ""]


def links(document: Entry) -> list[Entry]:
    found: list[Entry] = document["pairing"]["links"]
    return found


def layers(document: Entry) -> list[dict[str, Any]]:
    """The rows of the picture: innermost modules, those around them where something is wrong, and between them what is
    wrong with the code that joins them. The first divergence is marked."""
    rows = [dict(layer) for layer in document["layers"] if layer["inner"] or layer["status"] in ("diverge", "excused")]
    for row in rows:
        row["wiring"] = False
    for place in document["divergences"]:
        if place["wiring"]:
            rows.insert(position(rows, place), wire(place))
    first = next((place for place in document["divergences"] if not place["excused"]), None)
    for row in rows:
        row["first_divergence"] = first is not None and is_at(row, first)
    return rows


def wire(place: Entry) -> dict[str, Any]:
    status = "excused" if place["excused"] else "diverge"
    text = say.wiring(place)
    return {"wiring": True, "inner": True, "status": status, "text": text, "first": place["first"], "place": place}


def position(rows: list[dict[str, Any]], place: Entry) -> int:
    """Ahead of the module that the wrong thing reaches; else after the last one that completed before it."""
    before, after = (place[name].partition("#")[0] for name in ("before", "after"))
    for index, row in enumerate(rows):
        if before and not row["wiring"] and row["first"] == before:
            return index
    last = [i for i, row in enumerate(rows) if not row["wiring"] and within(row["first"], after or place["first"])]
    return last[-1] + 1 if last else len(rows)


def within(path: str, outer: str) -> bool:
    return bool(path) and (path == outer or path.startswith(f"{outer}.") or not outer)


def is_at(row: Mapping[str, Any], place: Entry) -> bool:
    if row["wiring"]:
        return row["place"] is place
    return not place["wiring"] and (row["first"], row["second"]) == (place["first"], place["second"])


def stretches(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Runs of rows: those near something marked are open, others folded if they are long."""
    marked = [i for i, row in enumerate(rows) if row["status"] in ("diverge", "excused")]
    near = [not marked or min(abs(i - m) for m in marked) <= NEAR for i in range(len(rows))]
    found: list[dict[str, Any]] = []
    for row, shown in zip(rows, near):
        if not found or found[-1]["shown"] != shown:
            found.append({"shown": shown, "rows": []})
        found[-1]["rows"].append(row)
    return [run | {"shown": run["shown"] or len(run["rows"]) < 3} for run in found]


def framed(document: Entry) -> str:
    """The page inside another one, such as a notebook."""
    page = html.escape(render(document), quote=True)
    return f'<iframe srcdoc="{page}" style="width: 100%; height: 640px; border: 0"></iframe>'


def write(document: Entry, path: Path) -> None:
    write_atomically(path, render(document))
