"""Comparing one forward and backward pass of all columns, in train and in eval mode."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from crosscheck.agreement import Verdict, compare
from crosscheck.session import Session


def compare_passes(session: Session, kinds: Collection[str]) -> tuple[list[Verdict], tuple[str, ...]]:
    """Verdicts of the first pass (train, then eval) that shows a difference, or of all; and the order of modules."""
    verdicts: list[Verdict] = []
    modules: tuple[str, ...] = ()
    for train in session.passes():
        observations = session.observe_all(train)
        found = compare(observations, *session.reference_pass(train), kinds, session.case.vacuous)
        modules = observations[0].modules
        if any(not verdict.agrees for verdict in found):
            return found, modules
        verdicts += found if train else [in_eval(verdict) for verdict in found]
    return verdicts, modules


def in_eval(verdict: Verdict) -> Verdict:
    return replace(verdict, key=verdict.key._replace(path=f"{verdict.key.path} (eval)".strip()))
