"""structure: same constructor, every parameter and buffer claimed and of the right shape, the same submodules."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from crosscheck import registry
from crosscheck.agreement import Verdict, broken
from crosscheck.locate import Divergence
from crosscheck.observation import Key
from crosscheck.rungs.finding import AGREE, DIVERGE, Finding
from crosscheck.session import Session


def check(session: Session) -> Finding:
    complaints: dict[str, str] = {}
    for column in session.running():
        try:
            complaints[column] = complaint(session, column)
        except (ValueError, LookupError, TypeError) as error:
            complaints[column] = str(error)
    session.broken.update({column: text for column, text in complaints.items() if text})
    verdicts = [verdict(column, text) for column, text in complaints.items()]
    failed = [v for v in verdicts if not v.agrees]
    if not failed:
        return Finding("structure", AGREE, verdicts)
    reason = "; ".join(v.problem for v in failed)
    return Finding("structure", DIVERGE, verdicts, Divergence("structure", "", off(failed), failed[0]), reason)


def off(failed: Sequence[Verdict]) -> str:
    """The first column that differs from the reference; the reference, if two that agree with each other do."""
    alike = len({v.problem.removeprefix(f"{v.off} ") for v in failed}) == 1
    return "numpy" if len(failed) > 1 and alike else failed[0].off


def verdict(column: str, text: str) -> Verdict:
    key = Key("structure", column)
    return broken(key, text, [column]) if text else Verdict(key, needed=0.0, error=0.0, relative=0.0)


def complaint(session: Session, column: str) -> str:
    """What is wrong with the column's structure, or ""."""
    target = session.case.target
    ours, theirs = signature("numpy", target), signature(column, target)
    if ours != theirs:
        return f"{column} takes {theirs}, the reference {ours}"
    expected = set(session.subject("numpy").module_paths())
    present = set(session.subject(column).module_paths())
    if expected != present:
        return f"{column} lacks submodules {sorted(expected - present)} and has {sorted(present - expected)} besides"
    return ""


def signature(column: str, target: str) -> str:
    """Parameters with defaults, without the random streams that only JAX takes and, for functions, the inputs."""
    found = registry.find(column, target)
    is_class = inspect.isclass(found)
    parameters = inspect.signature(found.__init__ if is_class else found).parameters.values()
    kept = [p for p in parameters if p.name not in ("self", "rngs") and (is_class or p.default is not p.empty)]
    return ", ".join(p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in kept)
