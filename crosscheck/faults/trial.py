"""One fault on one case: which rung refuses it, and whom it blames. The sound columns are run once for many faults."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from crosscheck.backends.base import Rule
from crosscheck.case import all_cases
from crosscheck.faults.catalogue import Fault, Site
from crosscheck.faults.plant import planted
from crosscheck.ladder import RUNGS
from crosscheck.registry import PACKAGES
from crosscheck.rungs import training
from crosscheck.rungs.finding import CRASHED, DIVERGE, NOT_RUN, Finding
from crosscheck.session import NUMPY_DTYPES, Session

BATCHES = 4
"""Batches that some rung asks for: all are drawn while the reference is sound."""

DECISIVE = ("structure", "exact", "forward", "backward", "state", "training")
"""The rungs in float64, the exact one in float32 too."""

NARROW = ("forward", "backward", "state", "training")
"""The rungs in another dtype, on its own: what that dtype alone would find. Trained are only those of the reference."""


@dataclass(frozen=True)
class Trial:
    """What the checker made of a fault: the first rung that refused it ("" if none did), whom it blamed, and why.

    expected: what it should have blamed; off: the column(s) accused; crashed: what went wrong, if a rung could not run
    conventional: whether each rule of thumb would have refused the same observations; none for faults of structure
    """

    fault: str
    column: str
    kind: str
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
    conventional: Mapping[str, bool] = field(default_factory=dict)

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
        """Whether a column without a fault is named; "no majority" names nobody."""
        return self.detected and bool(set(self.off.split(" and ")) & (set(PACKAGES) - {self.column}))


@dataclass
class Bench:
    """Sessions of sound columns, made when first asked for and kept."""

    columns: Sequence[str] = ("numpy", "torch", "jax")
    sound: dict[tuple[str, int], Session] = field(default_factory=dict)

    def session(self, case: str, dtype: str = "float64", seed: int = 0) -> Session:
        """The sound session on a case, with its feeds drawn."""
        if (case, seed) not in self.sound:
            row = next((row for row in all_cases() if row.name == case), None)
            if row is None:
                raise LookupError(f"a fault is planted on {case!r}, and there is no such case")
            self.sound[case, seed] = Session(row, self.columns, seed=seed)
        session = self.sound[case, seed].sibling(dtype)
        for batch in range(BATCHES):
            session.feed(batch)
        return session

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

    def attempt(self, fault: Fault, site: Site, rungs: Sequence[str]) -> Trial:
        """Climb the rungs in float64 until one refuses; only the optimizer at the site is trained with."""
        with self.faulty(fault, site) as session:
            return outcome(blank(fault, site, "float64", 0), first_refusal(session, rungs, rules_for(site.blame)))


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
        proved={} if column == "numpy" else session.proved,
        built={name: subject for name, subject in session.built.items() if name != column},
    )


def rungs_in(dtype: str) -> Sequence[str]:
    if dtype == "float64":
        return DECISIVE
    return NARROW if dtype in NUMPY_DTYPES else NARROW[:-1]


def rules_for(blame: str) -> Sequence[Rule]:
    """The optimizers with which a fault in the named cost or optimizer is looked for."""
    return [rule for rule in training.RULES if blame == f"training.optimizers.{rule.name}"] or training.RULES[:1]


def first_refusal(session: Session, rungs: Sequence[str], rules: Sequence[Rule] = training.RULES) -> Finding | None:
    """The first rung's finding that is no agreement."""
    for rung in rungs:
        finding = judged(rung, session, rules)
        if finding.status in (DIVERGE, CRASHED):
            return finding
    return None


def judged(rung: str, session: Session, rules: Sequence[Rule]) -> Finding:
    """A rung's finding. In training, the free-running trajectories that nobody judges are left out."""
    if len(session.running()) < 2:
        return Finding(rung, NOT_RUN, reason="nothing to compare with")
    check = partial(training.check, rules=rules, free_steps=0) if rung == "training" else RUNGS[rung]
    try:
        return check(session)
    except Exception as error:
        return Finding(rung, CRASHED, reason=f"{type(error).__name__}: {error}", traceback=traceback.format_exc())


def blank(fault: Fault, site: Site, dtype: str, seed: int) -> Trial:
    return Trial(fault.id, fault.column, fault.kind, fault.bites, site.case, dtype, seed, site.blame)


def outcome(trial: Trial, finding: Finding | None) -> Trial:
    if finding is None:
        return trial
    if finding.status == CRASHED:
        return replace(trial, crashed=f"{finding.rung}: {finding.reason}")
    divergence = finding.divergence
    blame, off = (divergence.path, divergence.off) if divergence else ("", "")
    return replace(trial, rung=finding.rung, blame=blame, off=off, reason=finding.reason)
