"""One fault on one case: which rung refuses it, and whom it blames. The sound columns are run once for many faults."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from crosscheck.case import all_cases
from crosscheck.faults.catalogue import Fault, Site
from crosscheck.faults.plant import planted
from crosscheck.ladder import attempt
from crosscheck.rungs.finding import CRASHED, DIVERGE, Finding
from crosscheck.session import Session

BATCHES = 4
"""Batches that some rung asks for: all are drawn while the reference is sound."""


@dataclass(frozen=True)
class Trial:
    """What the checker made of a fault: the first rung that refused it ("" if none did), whom it blamed, and why.

    expected: what it should have blamed; off: the column(s) accused; crashed: what went wrong, if it could not run
    """

    fault: str
    column: str
    bites: str
    case: str
    dtype: str
    seed: int
    expected: str
    rung: str = ""
    blame: str = ""
    off: str = ""
    reason: str = ""
    crashed: str = ""

    @property
    def detected(self) -> bool:
        return bool(self.rung)

    @property
    def blamed_right(self) -> bool:
        return self.detected and self.blame == self.expected

    @property
    def column_right(self) -> bool:
        return self.detected and self.off == self.column

    @property
    def accuses_sound(self) -> bool:
        """Whether a column without a fault is accused."""
        return self.detected and self.off != self.column


@dataclass
class Bench:
    """Sessions of sound columns, made when first asked for and kept."""

    columns: Sequence[str] = ("numpy", "torch", "jax")
    sound: dict[tuple[str, str, int], Session] = field(default_factory=dict)

    def session(self, case: str, dtype: str = "float64", seed: int = 0) -> Session:
        key = (case, dtype, seed)
        if key not in self.sound:
            row = next((row for row in all_cases() if row.name == case), None)
            if row is None:
                raise LookupError(f"a fault is planted on {case!r}, and there is no such case")
            session = Session(row, self.columns, (dtype,), seed=seed, dtype=dtype)
            for batch in range(BATCHES):
                session.feed(batch)
            self.sound[key] = session
        return self.sound[key]

    @contextmanager
    def faulty(self, fault: Fault, site: Site, dtype: str = "float64", seed: int = 0) -> Iterator[Session]:
        """A session in which one column has the fault; of the others, all that is known is kept."""
        session = self.session(site.case, dtype, seed)
        for column in self.columns:
            if column != fault.column:
                for train in session.passes():
                    session.observe(column, train)
        with planted(fault):
            yield without(session, fault.column)

    def attempt(self, fault: Fault, site: Site, rungs: Sequence[str], dtype: str = "float64", seed: int = 0) -> Trial:
        """Climb the rungs until one refuses."""
        with self.faulty(fault, site, dtype, seed) as session:
            findings = (attempt(rung, session) for rung in rungs)
            finding = next((f for f in findings if f.status in (DIVERGE, CRASHED)), None)
        trial = Trial(fault.id, fault.column, fault.bites, site.case, dtype, seed, site.blame)
        return trial if finding is None else outcome(trial, finding)


def without(session: Session, column: str) -> Session:
    """The same session, but for what a column was and did; without the reference, nobody knows what is right."""
    return replace(
        session,
        broken={},
        subjects={key: subject for key, subject in session.subjects.items() if key[0] != column},
        observations={key: seen for key, seen in session.observations.items() if key[0] != column},
        feeds=dict(session.feeds),
        siblings={dtype: without(sibling, column) for dtype, sibling in session.siblings.items()},
        references={} if column == "numpy" else session.references,
    )


def outcome(trial: Trial, finding: Finding) -> Trial:
    if finding.status == CRASHED:
        return replace(trial, crashed=f"{finding.rung}: {finding.reason}")
    divergence = finding.divergence
    blame, off = (divergence.path, divergence.off) if divergence else ("", "")
    return replace(trial, rung=finding.rung, blame=blame, off=off, reason=finding.reason)
