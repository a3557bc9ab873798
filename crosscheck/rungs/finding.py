"""What a rung found in one case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from crosscheck.agreement import Verdict
from crosscheck.locate import Divergence

AGREE, DIVERGE, CRASHED, NOT_RUN = "agree", "diverge", "crashed", "not run"


@dataclass(frozen=True)
class Finding:
    """status: "agree", "diverge", "crashed" or "not run"; reason: in words, if it is not agreement; figures: numbers
    worth reporting beside the verdicts."""

    rung: str
    status: str
    verdicts: Sequence[Verdict] = ()
    divergence: Divergence | None = None
    reason: str = ""
    traceback: str = ""
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def worst(self) -> Verdict | None:
        """The verdict that came nearest to its limit, or went farthest beyond it."""
        return max(self.verdicts, key=lambda verdict: verdict.needed, default=None)


def conclude(rung: str, verdicts: Sequence[Verdict], divergence: Divergence | None, **figures: Any) -> Finding:
    """Agreement unless there is a divergence; comparing nothing is no agreement."""
    if not verdicts:
        return Finding(rung, DIVERGE, reason="vacuous: no tensors were compared")
    if divergence is None:
        return Finding(rung, AGREE, verdicts, figures=figures)
    reason = f"{divergence}: {divergence.verdict.problem}"
    return Finding(rung, DIVERGE, verdicts, divergence, reason, figures=figures)
