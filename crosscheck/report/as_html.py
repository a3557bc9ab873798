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
from crosscheck.rungs.finding import AGREE, CRASHED, DIVERGE, NOT_RUN

SYMBOLS = {AGREE: "✓", DIVERGE: "✗", CRASHED: "!", NOT_RUN: "·"}
CLASSES = {AGREE: "agree", DIVERGE: "diverge", CRASHED: "crashed", NOT_RUN: "not-run"}

LEVELS = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Noise units up to which a cell has one shade; the last shade reaches to the limit."""

Entry = Mapping[str, Any]


def render(document: Entry) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "yes_no": yes_no}
    return environment.get_template("page.html").render(
        document=document,
        status=overall(document),
        symbols=SYMBOLS,
        classes=CLASSES,
        levels=LEVELS,
        groups=groups(document),
        failures=[case for case in document["cases"] if case["status"] in (DIVERGE, CRASHED)],
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
    group, _, _ = case["case"].partition("/")[0].rpartition(".")
    found = {finding["rung"]: finding for finding in case["rungs"]}
    return {
        "index": index,
        "case": case,
        "group": group,
        "label": case["case"][len(group) + 1 :] if group else case["case"],
        "cells": [cell(rung, found.get(rung)) for rung in rungs],
    }


def cell(rung: str, finding: Entry | None) -> Entry:
    """What a cell says, and its shade; `title` says it in words."""
    if finding is None:
        return {"style": "not-run", "text": "", "title": f"{rung}: not asked for"}
    status = finding["status"]
    if status != AGREE:
        text = SYMBOLS[status]
        if status == DIVERGE and finding["divergence"]:
            text += f" {short(finding['divergence']['off'])}"
        return {"style": CLASSES[status], "text": text, "title": f"{rung}: {status}. {finding['reason']}"}
    units = farthest(finding)
    if units is None:
        return {"style": "h0", "text": "✓", "title": f"{rung}: agree"}
    level = sum(units > bound for bound in LEVELS)
    text = "=" if units == 0 else number(units, 2)
    return {"style": f"h{level}", "text": text, "title": f"{rung}: agree, at most {text} noise units off"}


def short(off: str) -> str:
    return off if off and " " not in off else ""


def farthest(finding: Entry) -> float | None:
    """The largest distance from the reference in noise units; None where nothing has such a distance."""
    units = (value for tensor in finding["tensors"] for value in tensor["units"].values() if value is not None)
    return max(units, default=None)


def settings_table(columns: Mapping[str, Entry]) -> list[Entry]:
    """One row a setting: its value in each column, and whether they differ."""
    names = dict.fromkeys(name for facts in columns.values() for name in facts if name != "switches")
    rows: list[Entry] = []
    for name in names:
        values = {column: yes_no(facts[name]) if name in facts else "" for column, facts in columns.items()}
        rows.append({"name": name, "values": values, "differs": len({value for value in values.values() if value}) > 1})
    return rows


def absences(document: Entry) -> list[Entry]:
    """What was not run and why: columns, then rungs with the number of cases."""
    columns = {(column, why) for case in document["cases"] for column, why in case["not_run"].items()}
    counts: dict[tuple[str, str], int] = {}
    for case in document["cases"]:
        for finding in case["rungs"]:
            reason = finding["reason"] if finding["status"] == NOT_RUN else finding["figures"].get("left_out")
            if reason:
                counts[finding["rung"], reason] = counts.get((finding["rung"], reason), 0) + 1
    found: list[Entry] = [{"what": column, "why": why, "count": 0} for column, why in sorted(columns)]
    return found + [{"what": rung, "why": why, "count": count} for (rung, why), count in counts.items()]


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
            "columns": (columns := list(dict.fromkeys(c for t in finding["tensors"] for c in t["units"]))),
            "tensors": [compact(tensor, columns) for tensor in finding["tensors"]],
        }
        for finding in case["rungs"]
    ]


def compact(tensor: Entry, columns: Iterable[str]) -> list[Any]:
    """[kind, path, noise units by column, needed, error, bound, relative, worst index, problem], to three digits."""
    numbers = (rounded(tensor[name]) for name in ("needed", "error", "bound", "relative"))
    units = [rounded(tensor["units"].get(column)) for column in columns]
    return [tensor["kind"], tensor["path"], units, *numbers, tensor["worst"], tensor["problem"]]


def rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")


def number(value: float | None, digits: int = 3) -> str:
    return "none" if value is None else f"{value:.{digits}g}"


def yes_no(value: Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def write(document: Entry, path: Path) -> None:
    write_atomically(path, render(document))
