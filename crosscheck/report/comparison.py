"""A comparison of two models as plain data. docs/compare.md says what each entry means; VERSION changes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crosscheck.axes import place
from crosscheck.report.as_json import finite
from crosscheck.report.as_json import read as read_report
from crosscheck.report.comparison_axes import axes_of
from crosscheck.twins.measure import LIMIT, Gap

if TYPE_CHECKING:
    from crosscheck.twins.hunt import Culprit
    from crosscheck.twins.ladder import Finding
    from crosscheck.twins.layers import Layer
    from crosscheck.twins.locate import Divergence
    from crosscheck.twins.report import Report

FORMAT, VERSION = "crosscheck comparison", 1

Entry = dict[str, Any]


def document(report: Report, command: str = "") -> Entry:
    """The whole report: strict JSON types only, a number that is not finite as None."""
    divergences = [divergence_entry(report, culprit) for culprit in report.culprits]
    found: Entry = finite(
        {
            "format": FORMAT,
            "version": VERSION,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": command,
            "status": report.status,
            "problem": report.problem,
            "traceback": report.traceback,
            "seconds": report.seconds,
            "seed": report.seed,
            "dtype": report.dtype,
            "limits": {"units": LIMIT},
            "models": report.models,
            "inputs": report.inputs,
            "rungs": [rung_entry(report, finding) for finding in report.findings],
            "divergences": divergences,
            "statements": statements(divergences),
            "pairing": pairing_entry(report),
            "layers": layer_entries(report),
            "notes": list(report.notes),
            "settings": report.settings,
        }
    )
    return found


def read(path: Path) -> Entry:
    """A comparison written earlier. Raises ValueError if the file is none, or of a version that this is not."""
    return read_report(path, FORMAT, VERSION)


def rung_entry(report: Report, finding: Finding) -> Entry:
    worst = finding.worst()
    return {
        "rung": finding.rung,
        "status": status_of(finding),
        "reason": finding.reason,
        "checked": len(finding.gaps),
        "worst": tensor_entry(report, worst) if worst else None,
        "tensors": [tensor_entry(report, gap) for gap in finding.gaps],
    }


def status_of(finding: Finding) -> str:
    """agree, diverge, excused (apart only where one side keeps a narrower dtype), crashed, or not run."""
    if finding.gaps:
        return "agree" if finding.agrees else "excused" if finding.excused else "diverge"
    return "crashed" if finding.reason.startswith("raised") else "not run"


def tensor_entry(report: Report, gap: Gap) -> Entry:
    """One tensor; of the worst element the index in named axes, and both values."""
    return {
        "kind": gap.kind,
        "path": gap.path,
        "agrees": gap.agrees,
        "problem": gap.problem,
        "units": gap.units,
        "relative": gap.relative,
        "error": gap.error,
        "worst": place(gap.worst, axes_of(report, gap)) if gap.worst else "",
        "values": list(gap.values),
    }


def divergence_entry(report: Report, culprit: Culprit) -> Entry:
    """A place where the models part, with the cause if one is proved."""
    at = culprit.divergence
    return {
        "rung": culprit.rung,
        "direction": at.direction,
        "first": at.first,
        "second": at.second,
        "kinds": [at.match.first.kind, at.match.second.kind] if at.match else ["", ""],
        "wiring": at.wiring,
        "after": at.after,
        "before": at.before,
        "there": passed(report, at) if at.wiring else [],
        "tensor": tensor_entry(report, at.gap),
        "excused": culprit.excused,
        "clues": list(culprit.clues),
        "cause": cause_entry(culprit.explanation) if culprit.explanation else None,
    }


def passed(report: Report, at: Divergence) -> list[list[str]]:
    """Modules without parameters on a stretch of wiring, which are not judged by themselves: [path, class] of the
    first model's, or of the second's where it has none."""
    after, before = (key.partition("#")[0] for key in (at.after, at.before))
    names = [layer.first for layer in report.layers]
    if before not in names or (after and after not in names):
        return []
    rows = report.layers[names.index(after) + 1 if after else 0 : names.index(before)]
    found = [
        (x.first, x.first_kind) if x.first else (x.second, x.second_kind) for x in rows if x.inner and not x.judged
    ]
    return [list(pair) for pair in found]


def cause_entry(explanation: Any) -> Entry:
    causes = [asdict(cause) for cause in explanation.causes]
    names = ("first", "second", "departs", "before", "after")
    return {"causes": causes, **{name: getattr(explanation, name) for name in names}}


def statements(divergences: Sequence[Entry]) -> list[Entry]:
    """The same cause at several places is told once: {"kind", "places"}, kind being cause, open or excused; places are
    indexes of divergences. What is to blame comes before what is excused."""
    found: dict[Any, list[int]] = {}
    for index, entry in enumerate(divergences):
        found.setdefault(likeness(index, entry), []).append(index)
    order = sorted(found.items(), key=lambda item: item[0][0] == "excused")
    return [{"kind": key[0], "places": places} for key, places in order]


def likeness(index: int, entry: Entry) -> tuple[Any, ...]:
    if entry["excused"]:
        return "excused", entry["excused"]
    if entry["cause"] is None:
        return ("open", entry["direction"]) if entry["direction"] == "step" else ("open", index)
    ids = tuple(cause["id"] for cause in entry["cause"]["causes"])
    return "cause", ids, entry["direction"], entry["wiring"], entry["cause"]["departs"]


def pairing_entry(report: Report) -> Entry:
    """The pairing as it is saved, with the leaves' shapes."""
    pairing, twins = report.pairing, report.twins
    found = pairing.as_data()
    if twins is not None:
        for link in found["links"]:
            for side, model in (("first", twins.first), ("second", twins.second)):
                link[f"{side}_shape"] = list(model.leaf(link[side]["path"]).shape)
    return found | {"lost": pairing.lost()}


def layer_entries(report: Report) -> list[Entry]:
    """The modules of both sides with what was found out about each: agree, diverge, excused, or "" for not judged;
    found: what is wrong with it ("state on train"), or remarkable."""
    judged = any(finding.gaps for finding in report.findings)
    entries = []
    for layer in report.layers:
        here = [c for c in report.culprits if not c.divergence.wiring and is_at(layer, c.divergence)]
        found = [f"{c.divergence.direction} on {c.rung}" for c in here]
        sides = zip(("first", "second"), (layer.first, layer.second), report.models)
        found += [f"the {which} keeps float32" for which, path, model in sides if path and path in model["narrow"]]
        status = "agree" if judged and layer.judged else ""
        if here:
            status = "excused" if all(c.excused for c in here) else "diverge"
        entries.append({**asdict(layer), "status": status, "found": found})
    return entries


def is_at(layer: Layer, at: Divergence) -> bool:
    return (at.first, at.second) == (layer.first, layer.second)
