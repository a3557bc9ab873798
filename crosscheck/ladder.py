"""Climbing the ladder: every rung on one case, cheapest first; a crash is reported and the rest goes on."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from crosscheck.case import Case
from crosscheck.names import nearest
from crosscheck.rungs import backward, forward, modes, state, structure, training
from crosscheck.rungs.finding import AGREE, CRASHED, DIVERGE, NOT_RUN, Finding
from crosscheck.session import Session, split_columns

RUNGS: Mapping[str, Callable[[Session], Finding]] = {
    "structure": structure.check,
    "forward": forward.check,
    "backward": backward.check,
    "state": state.check,
    "training": training.check,
    "modes": modes.check,
}


@dataclass(frozen=True)
class Settings:
    """What to run: columns, rungs, dtype, device and the seed of all random draws."""

    backends: tuple[str, ...] = ("numpy", "torch", "jax")
    rungs: tuple[str, ...] = tuple(RUNGS)
    dtype: str = "float64"
    device: str = "cpu"
    seed: int = 0

    def __post_init__(self) -> None:
        for rung in self.rungs:
            if rung not in RUNGS:
                raise LookupError(f"unknown rung {rung!r}{nearest(rung, RUNGS)}")
        split_columns(self.backends)


@dataclass(frozen=True)
class Outcome:
    """All findings on one case; `not_run` says which columns are missing and why."""

    case: str
    findings: Sequence[Finding]
    not_run: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    settings: Settings = Settings()

    @property
    def status(self) -> str:
        statuses = [finding.status for finding in self.findings]
        return next((status for status in (CRASHED, DIVERGE, AGREE) if status in statuses), NOT_RUN)

    @property
    def reproduce(self) -> str:
        """The command that repeats this case alone."""
        failed = [f.rung for f in self.findings if f.status in (CRASHED, DIVERGE)]
        words = ["crosscheck run", self.case]
        if failed:
            words.append(f"--rungs {','.join(dict.fromkeys(['structure', *failed]))}")
        if self.settings.backends != Settings.backends:
            words.append(f"--backends {','.join(self.settings.backends)}")
        if self.settings.device != "cpu":
            words.append(f"--device {self.settings.device}")
        if self.settings.seed:
            words.append(f"--seed {self.settings.seed}")
        return " ".join(words)


def climb(case: Case, settings: Settings) -> Outcome:
    """Run the rungs on a case. Structure comes first: what it breaks is left out of the other rungs."""
    start = time.perf_counter()
    columns, absent = split_columns(settings.backends)
    session = Session(case, columns, settings.dtype, settings.device, settings.seed)
    findings = [attempt(rung, session) for rung in RUNGS if rung in settings.rungs]
    return Outcome(case.name, findings, absent, time.perf_counter() - start, settings)


def attempt(rung: str, session: Session) -> Finding:
    if len(session.running()) < 2:
        why = "; ".join(session.broken.values()) or "only the reference is here: nothing to compare it with"
        return Finding(rung, NOT_RUN, reason=why)
    try:
        return RUNGS[rung](session)
    except Exception as error:
        return Finding(rung, CRASHED, reason=f"{type(error).__name__}: {error}", traceback=traceback.format_exc())
