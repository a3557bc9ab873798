"""Comparing one forward and backward pass of all columns, in train and in eval mode."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from crosscheck.agreement import Verdict, compare
from crosscheck.forcing import locate
from crosscheck.locate import Divergence
from crosscheck.session import Session


def compare_passes(session: Session, kinds: Collection[str]) -> tuple[list[Verdict], Divergence | None]:
    """Verdicts on every pass up to the first that shows a difference, and where that one first goes wrong."""
    verdicts: list[Verdict] = []
    for train in session.passes():
        observations = session.observe_all(train)
        found = compare(observations, session.reference_pass(train), kinds, session.case.vacuous)
        verdicts += found if train else [in_eval(verdict) for verdict in found]
        divergence = locate(session, found, observations[0].modules, train)
        if divergence:
            return verdicts, divergence
    return verdicts, None


def in_eval(verdict: Verdict) -> Verdict:
    return replace(verdict, key=verdict.key._replace(path=f"{verdict.key.path} (eval)".strip()))
