"""forward: outputs, and every submodule's activation on the way, in train and in eval mode."""

from __future__ import annotations

from crosscheck.rungs.finding import Finding, conclude
from crosscheck.rungs.passes import compare_passes
from crosscheck.session import Session


def check(session: Session) -> Finding:
    verdicts, modules = compare_passes(session, {"output", "input", "activation"})
    return conclude("forward", verdicts, modules)
