"""The report as plain data, and as JSON. docs/report-schema.md says what each entry means; VERSION changes with it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crosscheck.agreement import Verdict
from crosscheck.ladder import RUNGS, Outcome
from crosscheck.numerics.floor import R2_LIMIT, REL_LIMIT
from crosscheck.report.files import write_atomically
from crosscheck.rungs.finding import Finding
from crosscheck.suite import Results

FORMAT, VERSION = "crosscheck report", 1

Entry = dict[str, Any]


def document(results: Results, jobs: Sequence[Mapping[str, Any]] = (), command: str = "") -> Entry:
    """The whole report: strict JSON types only, a number that is not finite as None."""
    rungs = {finding.rung for outcome in results.outcomes for finding in outcome.findings}
    entries: Entry = finite(
        {
            "format": FORMAT,
            "version": VERSION,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": command,
            "status": results.status,
            "interrupted": results.interrupted,
            "seconds": results.seconds,
            "counts": results.counts,
            "limits": {"units": R2_LIMIT, "element": REL_LIMIT},
            "rungs": [rung for rung in RUNGS if rung in rungs],
            "audit": results.audit,
            "cases": [case_entry(outcome) for outcome in results.outcomes],
            "jobs": list(jobs),
        }
    )
    return entries


def case_entry(outcome: Outcome) -> Entry:
    settings = outcome.settings
    return {
        "case": outcome.case,
        "why": outcome.why,
        "status": outcome.status,
        "seconds": outcome.seconds,
        "backends": list(settings.backends),
        "dtypes": list(settings.dtypes),
        "modes": list(settings.modes),
        "device": settings.device,
        "seed": settings.seed,
        "not_run": outcome.not_run,
        "reproduce": outcome.reproduce,
        "rungs": [finding_entry(finding) for finding in outcome.findings],
    }


def finding_entry(finding: Finding) -> Entry:
    divergence = finding.divergence
    return {
        "rung": finding.rung,
        "status": finding.status,
        "reason": finding.reason,
        "checked": len(finding.verdicts),
        "worst": tensor_entry(finding.worst) if finding.worst else None,
        "divergence": divergence
        and {
            "direction": divergence.direction,
            "path": divergence.path,
            "off": divergence.off,
            "tensor": tensor_entry(divergence.verdict),
        },
        "tensors": [tensor_entry(verdict) for verdict in worst_by_key(finding.verdicts)],
        "figures": finding.figures,
        "traceback": finding.traceback,
    }


def worst_by_key(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """One verdict a tensor: training checks each once a step, and the worst step speaks for all."""
    worst: dict[Any, Verdict] = {}
    for verdict in verdicts:
        if verdict.key not in worst or verdict.needed > worst[verdict.key].needed:
            worst[verdict.key] = verdict
    return list(worst.values())


def tensor_entry(verdict: Verdict) -> Entry:
    return {
        "kind": verdict.key.kind,
        "path": verdict.key.path,
        "problem": verdict.problem,
        "off": verdict.off,
        "units": verdict.units,
        "needed": verdict.needed,
        "error": verdict.error,
        "bound": verdict.bound,
        "relative": verdict.relative,
        "worst": verdict.worst,
        "values": verdict.values,
    }


def finite(value: Any) -> Any:
    """The same as plain JSON types. JSON has no infinity and no NaN: they become None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return finite(float(value))


def render(document: Mapping[str, Any]) -> str:
    """One line a case, so that two reports can be compared line by line."""
    return "{\n" + ",\n".join(f"{dumps(name)}: {lines(value)}" for name, value in document.items()) + "\n}\n"


def lines(value: Any) -> str:
    if value and isinstance(value, list) and isinstance(value[0], dict):
        return "[\n" + ",\n".join(map(dumps, value)) + "\n]"
    return dumps(value)


def dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def write(document: Mapping[str, Any], path: Path) -> None:
    write_atomically(path, render(document))


def read(path: Path, form: str = FORMAT, version: int = VERSION) -> Entry:
    """A report written earlier. Raises ValueError if the file is none, or of a version that this is not."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict) or found.get("format") != form:
        raise ValueError(f"{path} is not a {form}")
    if found.get("version") != version:
        raise ValueError(f"{path} is version {found.get('version')!r} of the {form}; this reads version {version}")
    return found
