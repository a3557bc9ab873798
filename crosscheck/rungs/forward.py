"""forward: outputs, and every submodule's activation on the way, in train and in eval mode."""

from __future__ import annotations

from crosscheck.rungs.finding import Finding, conclude
from crosscheck.rungs.passes import compare_passes
from crosscheck.session import Session

KINDS = {"output", "input", "activation"}


def check(session: Session) -> Finding:
    verdicts, divergence = compare_passes(session, KINDS)
    return conclude("forward", verdicts, divergence)
