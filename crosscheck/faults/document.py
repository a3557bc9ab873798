"""The score as plain data, and as JSON; docs/faults.md says what each entry means, VERSION changes with it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crosscheck.faults.conventional import TOLERANCES
from crosscheck.faults.score import Score
from crosscheck.faults.shares import CONFIDENCE, shares
from crosscheck.report.as_json import finite, render
from crosscheck.report.files import write_atomically

FORMAT, VERSION = "crosscheck faults", 1


def document(score: Score) -> dict[str, Any]:
    """Strict JSON types only."""
    entries: dict[str, Any] = finite(
        {
            "format": FORMAT,
            "version": VERSION,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "audit": score.audit,
            "not_run": score.not_run,
            "interrupted": score.interrupted,
            "confidence": CONFIDENCE,
            "shares": [asdict(share) | {"low": share.low, "high": share.high} for share in shares(score)],
            "tolerances": TOLERANCES,
            "trials": [asdict(trial) for trial in score.trials],
            "sound": [asdict(sound) for sound in score.sound],
        }
    )
    return entries


def write(score: Score, path: Path) -> None:
    write_atomically(path, render(document(score)))
