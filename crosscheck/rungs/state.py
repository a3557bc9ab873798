"""state: running statistics after several training batches, then outputs in eval mode with what they have become."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from crosscheck.agreement import compare
from crosscheck.feed import Feed
from crosscheck.forcing import locate
from crosscheck.noise import Lift
from crosscheck.observation import Key, Observation
from crosscheck.rungs.finding import NOT_RUN, Finding, conclude
from crosscheck.session import Session

BATCHES = 3


def check(session: Session) -> Finding:
    if not session.feed().state:
        return Finding("state", NOT_RUN, reason="it keeps no running state")
    oracle = session.oracle

    def observe(lift: Lift, feed: Feed, train: bool) -> Mapping[Key, Any]:
        tensors: Mapping[Key, Any] = oracle.observe_as(lift, feed, train).tensors
        return tensors

    reference = session.reference("state", lambda lift: chain(session, lambda *args: observe(lift, *args)))
    observations = [after_batches(session, column) for column in session.running()]
    verdicts = compare(observations, reference, {"state", "output", "input", "activation"}, session.case.vacuous)
    divergence = locate(session, verdicts, observations[0].modules, train=True)
    return conclude("state", verdicts, divergence)


def after_batches(session: Session, column: str) -> Observation:
    """What a column shows after the batches, with the axes of its last pass."""
    subject = session.subject(column)
    seen: list[Observation] = []

    def observe(feed: Feed, train: bool) -> Mapping[Key, Any]:
        seen.append(subject.observe(feed, train))
        return seen[-1].tensors

    return replace(seen[-1], tensors=tensors) if (tensors := chain(session, observe)) else seen[-1]


def chain(session: Session, observe: Callable[[Feed, bool], Mapping[Key, Any]]) -> dict[Key, Any]:
    """The tensors of an eval pass that uses the state left by the training batches, and leaves it alone."""
    state = session.feed().state
    for batch in range(BATCHES):
        seen = observe(replace(session.feed(batch), state=state), True)
        state = {key.path: value for key, value in seen.items() if key.kind == "state"}
    return dict(observe(replace(session.feed(BATCHES), state=state), False))
