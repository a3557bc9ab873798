"""modes: eager, compiled, jitted and unobserved runs give what the reference gives.

JAX is run under jit, torch eagerly and, where the case asks for it, under torch.compile. None is traced but jit, and
neither is that in the cases that are compiled everywhere: looking must not change the result.

Eagerly, JAX compiles a program for every operation and shape. Layers are run so, and what is compiled everywhere; the
rest is layers again, and functions of hundreds of operations.
"""

from __future__ import annotations

import shutil

from crosscheck.agreement import Verdict, compare
from crosscheck.locate import first_divergence
from crosscheck.rungs.finding import NOT_RUN, Finding, conclude
from crosscheck.session import Session

KINDS = {"output", "gradient", "input gradient", "state"}


Variant = tuple[str, str, bool]
"""A column, a mode of it, and whether it is traced."""


def check(session: Session) -> Finding:
    if len(session.running()) < 2:
        return Finding("modes", NOT_RUN, reason="NumPy has one mode")
    verdicts: list[Verdict] = []
    for train in session.passes():
        found = compare_modes(session, train)
        verdicts += found
        if any(not verdict.agrees for verdict in found):
            break
    figures = {"left_out": "torch.compile not run: no C++ compiler found"} if lacks_compiler(session) else {}
    return conclude("modes", verdicts, first_divergence(verdicts, ()), **figures)


def compare_modes(session: Session, train: bool) -> list[Verdict]:
    seen = [session.observe(column, train, 0, mode, trace) for column, mode, trace in variants(session)]
    kinds = KINDS if session.case.differentiable else {"output"}
    return compare(seen, session.reference_pass(train), kinds, session.case.vacuous)


def variants(session: Session) -> list[Variant]:
    case, columns = session.case, session.running()
    found: list[Variant] = [("numpy", "", True)]
    if "torch" in columns:
        found.append(("torch", "eager", False))
        if case.compiled and compiler():
            found.append(("torch", "compile", False))
    if "jax" in columns:
        found.append(("jax", "jit", not case.compiled))
        if case.compiled or case.target.startswith("layers."):
            found.append(("jax", "eager", False))
    return found


def lacks_compiler(session: Session) -> bool:
    return session.case.compiled and "torch" in session.running() and not compiler()


def compiler() -> bool:
    """torch.compile builds C++ on the CPU."""
    return any(shutil.which(name) for name in ("g++", "c++", "clang++"))
