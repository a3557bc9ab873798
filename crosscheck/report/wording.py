"""What the reports say, in words and symbols: the same in a terminal and on the page.

Every status has a symbol and a word; color only repeats them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from crosscheck.registry import PACKAGES
from crosscheck.rungs.finding import AGREE, CRASHED, DIVERGE, NOT_RUN

SYMBOLS = {AGREE: "✓", DIVERGE: "✗", CRASHED: "!", NOT_RUN: "·"}

Entry = Mapping[str, Any]


def split(case: str) -> tuple[str, str]:
    """ "layers.dense.Dense/wide" as its file "layers.dense" and "Dense/wide"."""
    group, _, _ = case.partition("/")[0].rpartition(".")
    return group, case[len(group) + 1 :] if group else case


def cell(finding: Entry) -> tuple[str, str]:
    """The symbol of a rung's status, and beside it the distance in noise units or the column that is off."""
    status = finding["status"]
    if status == AGREE:
        units = farthest(finding)
        return SYMBOLS[status], "same" if units is None else "equal" if units == 0 else number(units, 2)
    word = {DIVERGE: blamed(finding) or "differ", CRASHED: "crashed", NOT_RUN: "–"}  # noqa: RUF001
    return SYMBOLS[status], word[status]


def farthest(finding: Entry) -> float | None:
    """The largest distance from the reference in noise units; None where nothing has such a distance."""
    units = (value for tensor in finding["tensors"] for value in tensor["units"].values() if value is not None)
    return max(units, default=None)


def blamed(finding: Entry) -> str:
    """The one column that is off; "" if it is none or several."""
    off = finding["divergence"]["off"].split() if finding["divergence"] else []
    return off[0] if off and off[0] in PACKAGES and "and" not in off else ""


def failures(case: Entry) -> list[Entry]:
    """The case's failures; rungs that failed alike are named together, so that one fault is told once."""
    found: dict[Any, dict[str, Any]] = {}
    for finding in case["rungs"]:
        if finding["status"] in (DIVERGE, CRASHED):
            first = found.setdefault(likeness(finding), {"finding": finding, "rungs": []})
            first["rungs"].append(finding["rung"])
    return [failure | {"title": title(failure), "facts": facts(failure["finding"])} for failure in found.values()]


def likeness(finding: Entry) -> Any:
    at = finding["divergence"]
    if not at:
        return finding["status"], finding["reason"]
    return finding["status"], at["direction"], at["path"], at["off"], at["tensor"]["path"], at["tensor"]["error"]


def title(failure: Entry) -> str:
    verb = "crashed" if failure["finding"]["status"] == CRASHED else "diverged"
    return f"{', '.join(failure['rungs'])} {verb}: {failure['finding']['reason']}"


def facts(finding: Entry) -> list[tuple[str, str]]:
    """The first divergence as pairs of a name and a text; none for a crash."""
    at = finding["divergence"]
    if not at:
        return []
    tensor = at["tensor"]
    found = [
        ("first divergence", f"{at['direction']}, {at['path'] or 'the whole'}"),
        ("off", at["off"] or "no column to blame"),
        ("tensor", f"{tensor['kind']} {tensor['path']}"),
    ]
    if tensor["units"]:
        units = ", ".join(f"{column} {number(units)}" for column, units in tensor["units"].items())
        found.append(("noise units", units))
    if tensor["error"] is not None:
        found.append(("error", f"{number(tensor['error'])}, relative {number(tensor['relative'])}"))
    if tensor["needed"] is not None:
        more = f"{number(tensor['needed'])} times as much would have passed"
        found.append(("bound", f"{number(tensor['bound'])}; {more}"))
    if tensor["values"]:
        found.append(("worst at", tensor["worst"] or "its only element"))
    return found


def absences(document: Entry) -> list[tuple[str, str]]:
    """What was not run and why: whole columns, then rungs with the number of cases."""
    columns = {(column, why) for case in document["cases"] for column, why in case["not_run"].items()}
    counts: dict[str, Counter[str]] = {}
    for case in document["cases"]:
        for finding in case["rungs"]:
            reason = finding["reason"] if finding["status"] == NOT_RUN else finding["figures"].get("left_out")
            if reason:
                counts.setdefault(reason, Counter())[finding["rung"]] += 1
    return sorted(columns) + [(where(found, document["rungs"]), reason) for reason, found in counts.items()]


def where(counts: Mapping[str, int], rungs: Sequence[str]) -> str:
    """ "state and training in 3 cases, modes in 1 case"."""
    alike = {count: [rung for rung in counts if counts[rung] == count] for count in counts.values()}
    return ", ".join(
        f"{'every rung' if names == list(rungs) else ' and '.join(names)} in {counted(count, 'case')}"
        for count, names in alike.items()
    )


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def number(value: float | None, digits: int = 3) -> str:
    return "not finite" if value is None else f"{value:.{digits}g}"


def shown(value: Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
