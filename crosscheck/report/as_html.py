"""The report as one HTML page that loads nothing: styles, script, charts and figures are all inside."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from crosscheck.report.files import write_atomically
from crosscheck.report.wording import (
    SYMBOLS,
    Entry,
    absences,
    blamed,
    counted,
    failures,
    farthest,
    number,
    shown,
    split,
)
from crosscheck.rungs.finding import AGREE, CRASHED, DIVERGE, NOT_RUN

CLASSES = {AGREE: "agree", DIVERGE: "diverge", CRASHED: "crashed", NOT_RUN: "not-run"}

LEVELS = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Noise units up to which a cell has one shade; the last shade reaches to the limit."""


def render(document: Entry) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}
    environment.filters |= {"number": number, "shown": shown, "failures": failures, "counted": counted}
    return environment.get_template("page.html").render(
        document=document,
        status=overall(document),
        symbols=SYMBOLS,
        classes=CLASSES,
        levels=LEVELS,
        groups=groups(document),
        failed=[case for case in document["cases"] if case["status"] in (DIVERGE, CRASHED)],
        settings=settings_table(document["audit"]["columns"]),
        absences=absences(document),
        dtypes=list(dict.fromkeys(dtype for case in document["cases"] for dtype in case["dtypes"])),
        devices=list(dict.fromkeys(case["device"] for case in document["cases"])),
        data=Markup(island(document)),
    )


def overall(document: Entry) -> str:
    """The status of the page: what was trained on real data counts too."""
    wrong = any(job["disagreements"] or job.get("problem") for job in document["jobs"])
    status = str(document["status"])
    return DIVERGE if wrong and status in (AGREE, NOT_RUN) else status


def groups(document: Entry) -> list[Entry]:
    """The rows of the heat map below the dotted name of their file."""
    rows = [row(index, case, document["rungs"]) for index, case in enumerate(document["cases"])]
    return [{"name": name, "rows": list(members)} for name, members in groupby(rows, key=lambda row: row["group"])]


def row(index: int, case: Entry, rungs: Iterable[str]) -> Entry:
    group, label = split(case["case"])
    found = {finding["rung"]: finding for finding in case["rungs"]}
    cells = [cell(rung, found.get(rung)) for rung in rungs]
    return {"index": index, "case": case, "group": group, "label": label, "cells": cells}


def cell(rung: str, finding: Entry | None) -> Entry:
    """What a cell says, and its shade; `title` says it in words."""
    if finding is None:
        return {"style": "not-run", "text": "", "title": f"{rung}: not asked for"}
    status = finding["status"]
    if status != AGREE:
        text = f"{SYMBOLS[status]} {blamed(finding)}".strip()
        return {"style": CLASSES[status], "text": text, "title": f"{rung}: {status}. {finding['reason']}"}
    units = farthest(finding)
    if units is None:
        return {"style": "h0", "text": SYMBOLS[AGREE], "title": f"{rung}: agree"}
    level = sum(units > bound for bound in LEVELS)
    text = "=" if units == 0 else number(units, 2)
    return {"style": f"h{level}", "text": text, "title": f"{rung}: agree, at most {units:.2g} noise units off"}


def settings_table(columns: Mapping[str, Entry]) -> list[Entry]:
    """One row a setting: its value in each column, and whether they differ."""
    rows: list[Entry] = []
    for name in dict.fromkeys(name for facts in columns.values() for name in facts if name != "switches"):
        values = {column: shown(facts[name]) if name in facts else "" for column, facts in columns.items()}
        rows.append({"name": name, "values": values, "differs": len({value for value in values.values() if value}) > 1})
    return rows


def island(document: Entry) -> str:
    """What the script draws on demand: 2,000 cases' details would be too much to lay out at once."""
    data = {"limit": document["limits"]["units"], "cases": [details(case) for case in document["cases"]]}
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")  # so that no value can end the script element


def details(case: Entry) -> list[Entry]:
    return [
        {
            "rung": finding["rung"],
            "status": finding["status"],
            "reason": finding["reason"],
            "checked": finding["checked"],
            "figures": finding["figures"],
            "traceback": finding["traceback"],
            "columns": (columns := moving_columns(finding["tensors"])),
            "tensors": [
                compact(tensor, columns) for tensor in finding["tensors"] if tensor["units"] or tensor["problem"]
            ],
        }
        for finding in case["rungs"]
    ]


def moving_columns(tensors: Iterable[Entry]) -> list[str]:
    """The columns that have a distance; the reference's own is zero but in a narrower dtype than float64."""
    units = [(column, value) for tensor in tensors for column, value in tensor["units"].items()]
    return list(dict.fromkeys(column for column, value in units if value or column != "numpy"))


def compact(tensor: Entry, columns: Iterable[str]) -> list[Any]:
    """[kind, path, noise units by column, needed, error, bound, relative, worst index, problem], to three digits."""
    numbers = (rounded(tensor[name]) for name in ("needed", "error", "bound", "relative"))
    units = [rounded(tensor["units"].get(column)) for column in columns]
    return [tensor["kind"], tensor["path"], units, *numbers, tensor["worst"], tensor["problem"]]


def rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")


def write(document: Entry, path: Path) -> None:
    write_atomically(path, render(document))
