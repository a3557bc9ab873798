"""modes: eager, compiled, jitted and unobserved runs give what the reference gives.

JAX is run eagerly and under jit, torch eagerly and, where the case asks for it, under torch.compile. None is traced but
jit, and neither is that in the cases that are compiled everywhere: looking must not change the result.
"""

from __future__ import annotations

import shutil

from crosscheck.agreement import compare
from crosscheck.locate import first_divergence
from crosscheck.rungs.finding import NOT_RUN, Finding, conclude
from crosscheck.session import Session

KINDS = {"output", "gradient", "input gradient", "state"}


def check(session: Session) -> Finding:
    variants = [("numpy", "", True)]
    left_out = ""
    if "torch" in session.running():
        variants.append(("torch", "eager", False))
        if session.case.compiled and compiler():
            variants.append(("torch", "compile", False))
        elif session.case.compiled:
            left_out = "torch.compile not run: no C++ compiler found"
    if "jax" in session.running():
        variants += [("jax", "eager", False), ("jax", "jit", not session.case.compiled)]
    if len(variants) < 2:
        return Finding("modes", NOT_RUN, reason="NumPy has one mode")
    verdicts = []
    for train in session.passes():
        seen = [session.observe(column, train, 0, mode, trace) for column, mode, trace in variants]
        kinds = KINDS if session.case.differentiable else {"output"}
        found = compare(seen, session.reference_pass(train), kinds, session.case.vacuous)
        verdicts += found
        if any(not verdict.agrees for verdict in found):
            break
    return conclude("modes", verdicts, first_divergence(verdicts, ()), **({"left_out": left_out} if left_out else {}))


def compiler() -> bool:
    """torch.compile builds C++ on the CPU."""
    return any(shutil.which(name) for name in ("g++", "c++", "clang++"))
