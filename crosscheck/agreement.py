"""Deciding whether the columns agree on a tensor, and which one is off if they do not.

Float64 agreement of a and b means |a - b| <= 1e-10 max(scale of this tensor, scale of its kind in this case), where a
scale is the largest magnitude: a gradient that is zero in theory is judged on the scale of the other gradients.
A tensor that cannot show anything is not agreement: NaN, a gradient that is zero everywhere, a constant output.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from crosscheck.axes import Array, place
from crosscheck.observation import Key, Observation

TOLERANCE = 1e-10


@dataclass(frozen=True)
class Verdict:
    """One tensor compared. `error` and `bound` are absolute; `needed` is the tolerance that would have passed.

    problem: "" if the columns agree, else what is wrong in words; off: the column(s) to blame, as far as a vote tells
    worst: index of the largest difference in named axes; values: each column's value there
    """

    key: Key
    error: float
    bound: float
    scale: float
    problem: str = ""
    off: str = ""
    worst: str = ""
    values: Mapping[str, float] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        return not self.problem

    @property
    def needed(self) -> float:
        """The tolerance, in units of the scale, that would have passed."""
        return self.error / self.scale if self.scale else float(self.error > 0)


def compare(
    observations: Sequence[Observation], kinds: Iterable[str], vacuous: Mapping[str, str] | None = None
) -> list[Verdict]:
    """Verdicts on every tensor of the given kinds, in the order of the first observation.

    `vacuous` names tensors that may be zero or constant, with the reason. Raises ValueError if there are fewer than two
    observations: nothing would be compared.
    """
    if len(observations) < 2:
        raise ValueError(f"{len(observations)} observation given; comparing needs at least two columns")
    kinds = set(kinds)
    first, *others = observations
    keys = [key for key in first.tensors if key.kind in kinds]
    extra = [key for other in others for key in other.tensors if key.kind in kinds and key not in first.tensors]
    scales = scale_of_kinds(observations)
    verdicts = [
        judge(key, observations, scales.get(key.kind, 0.0), vacuous or {}) for key in dict.fromkeys(keys + extra)
    ]
    return [verdict for verdict in verdicts if verdict is not None]


def judge(
    key: Key, observations: Sequence[Observation], kind_scale: float, vacuous: Mapping[str, str]
) -> Verdict | None:
    """The verdict on one tensor; None if it is a trace of a submodule that not all columns have."""
    tensors = {o.column: o.tensors[key] for o in observations if key in o.tensors}
    absent = [o.column for o in observations if key not in o.tensors]
    if absent:
        if key.kind in TRACED:
            return None
        return broken(key, f"not produced by {' and '.join(absent)}", absent)
    shapes = {column: tensor.shape for column, tensor in tensors.items()}
    if len(set(shapes.values())) > 1:
        return broken(key, f"shapes differ: {shapes}", odd_one_out(shapes))
    finite = {column: bool(np.isfinite(tensor).all()) for column, tensor in tensors.items()}
    if not all(finite.values()):
        return broken(
            key, "NaN or infinite in " + " and ".join(c for c, ok in finite.items() if not ok), odd_one_out(finite)
        )
    axes = next(o.axes[key] for o in observations)
    verdict = measure(key, tensors, kind_scale, axes)
    if verdict.agrees and str(key) not in vacuous and (reason := vacuity(key, tensors)):
        return broken(key, f"vacuous: {reason}", [])
    return verdict


TRACED = {"input", "activation", "cotangent", "input cotangent"}


def measure(key: Key, tensors: Mapping[str, Array], kind_scale: float, axes: str) -> Verdict:
    wide = {column: tensor.astype(np.float64) for column, tensor in tensors.items()}
    own_scale = max((float(np.abs(tensor).max()) for tensor in wide.values() if tensor.size), default=0.0)
    scale = max(own_scale, kind_scale)
    bound = TOLERANCE * scale
    differences = {(a, b): np.abs(wide[a] - wide[b]) for a, b in combinations(wide, 2)}
    errors = {pair: float(d.max()) if d.size else 0.0 for pair, d in differences.items()}
    pair = max(errors, key=lambda pair: errors[pair])
    error = errors[pair]
    if error == 0:
        return Verdict(key, 0.0, bound, scale)
    index = tuple(int(i) for i in np.unravel_index(int(differences[pair].argmax()), differences[pair].shape))
    values = {column: float(tensor[index]) for column, tensor in wide.items()}
    if error <= bound:
        return Verdict(key, error, bound, scale, "", "", place(index, axes), values)
    close = {pair for pair, value in errors.items() if value <= bound}
    return Verdict(key, error, bound, scale, "differs", vote(tuple(wide), close), place(index, axes), values)


def vote(columns: Sequence[str], close: set[tuple[str, str]]) -> str:
    """The column(s) outvoted: whoever agrees with nobody while others agree among themselves."""
    if len(columns) == 2:
        other = [column for column in columns if column != "numpy"]
        return other[0] if len(other) == 1 else " or ".join(columns)
    friends = {column: sum(column in pair for pair in close) for column in columns}
    lonely = [column for column in columns if friends[column] == 0]
    return " and ".join(lonely) if close and lonely else "no two agree"


def odd_one_out(values: Mapping[str, object]) -> list[str]:
    """The columns whose value is not the most common one; against a tie, those that differ from the first."""
    kinds = list(values.values())
    common = max(kinds, key=kinds.count)
    return [column for column, value in values.items() if value != common]


def vacuity(key: Key, tensors: Mapping[str, Array]) -> str:
    """Why agreement on this tensor would show nothing, or ""."""
    if not all(tensor.size for tensor in tensors.values()):
        return "it is empty"
    if "gradient" in key.kind and all(not np.any(tensor) for tensor in tensors.values()):
        return "the gradient is zero everywhere"
    if key.kind == "output" and all(tensor.size > 1 and np.ptp(tensor) == 0 for tensor in tensors.values()):
        return "the output is constant"
    return ""


def broken(key: Key, problem: str, off: Sequence[str]) -> Verdict:
    return Verdict(key, float("inf"), 0.0, 0.0, problem, " and ".join(off))


def scale_of_kinds(observations: Sequence[Observation]) -> dict[str, float]:
    """The largest finite magnitude among all tensors of a kind."""
    scales: dict[str, float] = {}
    for observation in observations:
        for key, tensor in observation.tensors.items():
            if tensor.size and np.isfinite(tensor).all():
                scales[key.kind] = max(scales.get(key.kind, 0.0), float(np.abs(tensor.astype(np.float64)).max()))
    return scales
