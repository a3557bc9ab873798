"""exact: on small integers and dyadic fractions the columns are bit-identical. No tolerance exists on this rung.

The reference, run on certificates, says which tensors cannot be rounded in a dtype, whatever the order of their sums;
those must be the same in every column to the last bit, and the others are not compared. A library may yet compute a
certified tensor by an algorithm that is not direct: if every element is within a quarter of the lattice's step of the
right lattice point and within the noise of its arithmetic, it is exact up to rounding, and the report says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from crosscheck.agreement import DEFINITION, Truth, Verdict, broken, odd_one_out, outvoted, vote
from crosscheck.axes import Array, place
from crosscheck.exact_feed import DATA_SETS
from crosscheck.forcing import locate
from crosscheck.numerics.floor import Floor, judge, rms
from crosscheck.observation import Key, Observation
from crosscheck.proofs import Proof
from crosscheck.rungs.finding import AGREE, DIVERGE, NOT_RUN, Finding
from crosscheck.session import Session

ALWAYS = ("float64", "float32")


def check(session: Session) -> Finding:
    verdicts: list[Verdict] = []
    figures = {"tensors": 0, "certified": 0, "identical": 0, "up_to_rounding": 0}
    for dtype in dict.fromkeys([*ALWAYS, *session.dtypes]):
        for data_set in DATA_SETS:
            for train in session.passes():
                sibling = session.sibling(dtype)
                found, modules = compare_exactly(sibling, data_set, train, figures)
                verdicts += found
                divergence = locate(sibling, found, modules, train, data_set)
                if divergence:
                    reason = f"{divergence} ({dtype}, {data_set} data): {divergence.verdict.problem}"
                    return Finding("exact", DIVERGE, verdicts, divergence, reason, figures=figures)
    if not figures["certified"]:
        reason = "nothing can be certified: it needs values that no dyadic fraction has"
        return Finding("exact", NOT_RUN, reason=reason, figures=figures)
    return Finding("exact", AGREE, verdicts, figures=figures)


def compare_exactly(
    session: Session, data_set: str, train: bool, figures: dict[str, int]
) -> tuple[list[Verdict], tuple[str, ...]]:
    """Verdicts on the tensors that the certificate covers; counts what was and was not covered."""
    proved = {key: proof for key, proof in session.proofs(train, data_set).items() if not given(key)}
    covered = {key: proof for key, proof in proved.items() if proof.covers(session.dtype)}
    figures["tensors"] += len(proved)
    figures["certified"] += len(covered)
    if not covered:
        return [], ()
    observations, _ = session.observe_able(train, data_set)
    if len(observations) < 2:
        return [], ()
    truth = session.reference_pass(train, data_set)
    verdicts = []
    for key, proof in covered.items():
        held = [o for o in observations if is_held(key, proof, o.column, session.dtype, truth)]
        if len(held) < 2:
            continue
        verdict, rounded = judge_exactly(key, proof, held, truth)
        if verdict is not None:
            figures["identical"] += verdict.agrees and not rounded
            figures["up_to_rounding"] += rounded
            verdicts.append(verdict)
    return verdicts, observations[0].modules


def given(key: Key) -> bool:
    """Inputs and cotangents of the whole come from the feed: their being equal shows nothing."""
    return key.kind in ("input", "cotangent") and key.path.partition("[")[0] == ""


def is_held(key: Key, proof: Proof, column: str, dtype: str, truth: Truth) -> bool:
    """Whether the proof covers the arithmetic that this column is known to use for this tensor."""
    return key not in truth.special.get(column, {}) or proof.covers(dtype, accumulator=dtype)


def judge_exactly(key: Key, proof: Proof, observations: list[Observation], truth: Truth) -> tuple[Verdict | None, bool]:
    """The verdict, None if a column has no such submodule, and whether a column is exact only up to rounding."""
    r = proof.value
    seen = {o.column: o.tensors[key].astype(np.float64) for o in observations if key in o.tensors}
    if len(seen) < len(observations):
        return None, False
    if any(array.shape != r.shape for array in seen.values()):
        shapes = {column: array.shape for column, array in seen.items()} | {"numpy": r.shape}
        return broken(key, f"shapes differ: {shapes}", odd_one_out(shapes)), False
    unequal = [column for column, array in seen.items() if not np.array_equal(array, r)]
    if not unequal:
        return Verdict(key, needed=0.0, error=0.0, relative=0.0), False
    failed = [c for c in unequal if not snaps(seen[c], r, proof.step, truth.floor(key, c))]
    verdict = described(key, seen, r, unequal, observations[0].axes[key])
    if not failed:
        return verdict, True
    off = "numpy" if "numpy" in failed else minority(seen, r, truth.floors[key])
    return replace(verdict, problem="not bit-identical", off=off, needed=float("inf")), False


def snaps(array: Array, r: Array, step: float, floor: Floor) -> bool:
    """Nearer than a quarter step to the right lattice point, and within the noise."""
    return bool(np.all(np.abs(array - r) <= step / 4)) and judge(array, r, floor).passes


def described(key: Key, seen: Mapping[str, Array], r: Array, unequal: list[str], axes: str) -> Verdict:
    distance = np.abs(seen[unequal[0]] - r)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(distance)), distance.shape))
    shown = {"numpy": r} | dict(seen) | ({DEFINITION: r} if "numpy" in unequal else {})
    return Verdict(
        key,
        needed=1.0,
        error=float(np.max(distance)),
        relative=rms(distance) / (rms(r) or 1.0),
        worst=place(index, axes),
        values={name: float(array[index]) for name, array in shown.items()},
    )


def minority(seen: Mapping[str, Array], r: Array, floor: Floor) -> str:
    """Bit-identity is an equivalence: the columns outside the largest class are off.

    If the reference is wrong, so may be its certificate: then sound columns are only alike up to the noise.
    """
    tensors = {"numpy": r} | dict(seen)
    columns = list(tensors)
    if len(columns) == 2:
        return columns[1]
    alike = [frozenset(b for b in columns if np.array_equal(tensors[a], tensors[b])) for a in columns]
    return outvoted(columns, alike) if any(len(circle) > 1 for circle in alike) else vote(tensors, floor)
