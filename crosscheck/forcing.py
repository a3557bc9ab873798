"""Teacher forcing: every submodule is fed the reference's own input and upstream cotangent, and judged on its own.

So the blame lands on the culprit, not on what it disturbs: what comes before a submodule cannot make it fail, and
several culprits are found at once. A submodule that fails while all of its parts pass is wired wrongly inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from crosscheck.agreement import Verdict, compare
from crosscheck.axes import Array
from crosscheck.backends.base import reference_module
from crosscheck.case import Case
from crosscheck.feed import Feed
from crosscheck.layout import data_axes, stated_axes
from crosscheck.locate import Divergence, direction_of, first_divergence, is_below
from crosscheck.observation import Key
from crosscheck.session import Batch, Session

KINDS = ("output", "state", "gradient", "input gradient")


def locate(
    session: Session, verdicts: Sequence[Verdict], modules: Sequence[str], train: bool, batch: Batch = 0
) -> Divergence | None:
    """Where a pass that was compared first goes wrong: by forcing if the case has submodules, else as observed."""
    seen = first_divergence(verdicts, modules)
    if seen is None or len(modules) < 2:
        return seen
    found = culprits(session, train, batch, seen.off)
    alike = [culprit for culprit in found if culprit.direction == seen.direction]
    return next(iter([*alike, *found]), seen)


def culprits(session: Session, train: bool, batch: Batch = 0, off: str = "") -> list[Divergence]:
    """The innermost submodules that fail when forced, in forward order.

    If a vote on the whole has found the column `off`, no more than it and one that is sound need be run, and where the
    reference's kernels differ from its own definitions, that is not this column's mistake.
    """
    tensors = session.reference_pass(train, batch).tensors
    columns = pair(session.running(), off) if off in session.columns else session.running()
    paths = [path for path in session.observe("numpy", train, batch).modules if "#" not in path]
    failed: dict[str, Divergence] = {}
    for path in paths:
        part = part_session(session, path, tensors, train, batch, columns)
        verdict = first_failure(part, train, batch)
        if verdict is not None and not (off in columns[1:] and verdict.off == "numpy"):
            culprit = off if off in session.columns else verdict.off
            failed[path] = Divergence(direction_of(verdict.key), path, culprit, verdict)
    return [
        replace(divergence, wiring=any(is_below(other, path) for other in paths))
        for path, divergence in failed.items()
        if not any(is_below(other, path) for other in failed)
    ]


def pair(columns: Sequence[str], off: str) -> list[str]:
    """The reference and the column that is off; if that is the reference itself, it and some other."""
    other = off if off != "numpy" else next(column for column in columns if column != "numpy")
    return ["numpy", other]


def part_session(
    session: Session, path: str, tensors: Mapping[Key, Array], train: bool, batch: Batch, columns: Sequence[str]
) -> Session:
    """A session on one submodule whose only batch is what the reference handed to that submodule."""
    inputs = given(tensors, "input", path)
    case = part_case(session.case, path, inputs)
    part = Session(case, columns, (session.dtype,), session.device, session.seed, session.dtype)
    whole = session.feed(batch)
    part.feeds[batch] = Feed(
        below(whole.params, path),
        below(whole.state, path),
        session.rounded(dict(zip(case.inputs, inputs))),
        None,
        tuple(session.rounded(dict(enumerate(given(tensors, "cotangent", path)))).values()),
        below(whole.uniforms, path),
    )
    return part


def part_case(case: Case, path: str, inputs: Sequence[Array]) -> Case:
    """The case of a submodule alone. Its inputs' axes are told by their ranks, so that only a flatten needs the finer
    axes that the net states of its output: in what is flat already each column keeps to one order."""
    if not path:
        return replace(case, cost="", labels="")
    net = reference_module(case)
    output = "" if stated_axes(net, path, "in") else stated_axes(net, path, "out")
    axes = [data_axes(None, "", "in", value.ndim).split() for value in inputs]
    specs = {
        f"x{i}": " ".join(f"{axis}={size}" for axis, size in zip(names, value.shape))
        for i, (names, value) in enumerate(zip(axes, inputs))
    }
    return replace(case, part=path, inputs=specs, output=output, cost="", labels="")


def given(tensors: Mapping[Key, Array], kind: str, path: str) -> list[Array]:
    """The inputs or cotangents of the module at `path`, in order."""
    return [value for key, value in tensors.items() if key.kind == kind and key.path.partition("[")[0] == path]


def below(values: object, path: str) -> dict[str, Array]:
    """The entries below a path, their names relative to it."""
    prefix = f"{path}." if path else ""
    entries = dict(values)  # type: ignore[call-overload]
    return {
        "" if name == path else name.removeprefix(prefix): value
        for name, value in entries.items()
        if name.startswith(prefix) or name == path
    }


def first_failure(part: Session, train: bool, batch: Batch) -> Verdict | None:
    observations = [part.observe(column, train, batch, trace=False) for column in part.running()]
    verdicts = compare(observations, part.reference_pass(train, batch), KINDS, {})
    failed = [v for v in verdicts if not v.agrees and not v.is_vacuous]
    return min(failed, key=lambda v: KINDS.index(v.key.kind), default=None)
