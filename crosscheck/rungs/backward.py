"""backward: gradients of <random cotangent, output> by every parameter and input, and every submodule's cotangents."""

from __future__ import annotations

from crosscheck.rungs.finding import NOT_RUN, Finding, conclude
from crosscheck.rungs.passes import compare_passes
from crosscheck.session import Session

KINDS = {"gradient", "input gradient", "cotangent", "input cotangent"}


def check(session: Session) -> Finding:
    if not session.case.differentiable:
        return Finding("backward", NOT_RUN, reason="piecewise constant: it has no derivative")
    verdicts, divergence = compare_passes(session, KINDS)
    return conclude("backward", verdicts, divergence)
