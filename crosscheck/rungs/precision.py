"""precision: outputs, gradients and state in float32, bfloat16 and float16, held to the reference in float64.

All columns get the same numbers, already rounded to the dtype; what they may differ by is the noise that this dtype's
arithmetic makes of this very computation, drawn from sixteen randomly rounded runs of the reference.
"""

from __future__ import annotations

from crosscheck.agreement import Verdict, compare
from crosscheck.forcing import locate
from crosscheck.rungs.finding import AGREE, DIVERGE, NOT_RUN, Finding
from crosscheck.session import Session

KINDS = {
    "output",
    "input",
    "activation",
    "cotangent",
    "input cotangent",
    "gradient",
    "input gradient",
    "state",
}


def check(session: Session) -> Finding:
    dtypes = [dtype for dtype in session.dtypes if dtype != "float64"]
    if not dtypes:
        return Finding("precision", NOT_RUN, reason="no dtype but float64 was asked for")
    verdicts: list[Verdict] = []
    left_out: dict[str, str] = {}
    for dtype in dtypes:
        sibling = session.sibling(dtype)
        for train in session.passes():
            observations, lacking = sibling.observe_able(train)
            left_out |= lacking
            if len(observations) < 2:
                continue
            found = compare(observations, sibling.reference_pass(train), KINDS, session.case.vacuous)
            verdicts += found
            divergence = locate(sibling, found, observations[0].modules, train)
            if divergence:
                reason = f"{divergence} ({dtype}): {divergence.verdict.problem}"
                return Finding("precision", DIVERGE, verdicts, divergence, reason)
    if not verdicts:
        return Finding("precision", NOT_RUN, reason="; ".join(left_out.values()))
    return Finding("precision", AGREE, verdicts, figures={"left_out": left_out} if left_out else {})
