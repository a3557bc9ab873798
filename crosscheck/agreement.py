"""Deciding whether the columns agree on a tensor, and which one is off if they do not.

Every column is held to the reference in float64, in units of the noise that the tested arithmetic makes of this very
computation (numerics/floor.py): no tolerance in the units of the data is chosen by anybody. A tensor that cannot show
anything is not agreement: NaN, a gradient that is zero everywhere, a constant output.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from crosscheck.axes import Array, place
from crosscheck.numerics.floor import R2_LIMIT, REL_LIMIT, Floor, Judgement, judge, rms, with_flips
from crosscheck.observation import Key, Observation

TRACED = {"input", "activation", "cotangent", "input cotangent"}
"""Kinds that belong to submodules, which not every column need have."""

DEFINITION = "definition"
"""What is shown of the reference beside its kernels where they are not the same."""


@dataclass(frozen=True)
class Verdict:
    """One tensor compared.

    problem: "" if the columns agree, else what is wrong in words; off: the column(s) to blame, as far as a vote tells
    units: for each column its distance from the reference in noise units (r2; 1 is what this arithmetic does, 8 fails)
    error, bound: the largest absolute difference, and what was allowed there; needed: the multiple of the allowance
    that would have passed (up to 1 agrees); relative: the largest relative L2 distance, for readers
    worst: index of the largest difference in named axes; values: each column's value there
    """

    key: Key
    problem: str = ""
    off: str = ""
    units: Mapping[str, float] = field(default_factory=dict)
    needed: float = float("inf")
    error: float = float("inf")
    bound: float = 0.0
    relative: float = float("inf")
    worst: str = ""
    values: Mapping[str, float] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        return not self.problem

    @property
    def is_vacuous(self) -> bool:
        """Whether it fails because it shows nothing."""
        return self.problem.startswith("vacuous")


@dataclass(frozen=True)
class Truth:
    """What observations are judged by: the reference's float64 tensors and their noise floors, and for a column that is
    known to compute some of them in another arithmetic the floors of that arithmetic. rare: in narrow dtypes the floors
    by which what fails is judged once more."""

    tensors: Mapping[Key, Array]
    floors: Mapping[Key, Floor]
    special: Mapping[str, Mapping[Key, Floor]] = field(default_factory=dict)
    rare: Mapping[Key, Floor] = field(default_factory=dict)

    def floor(self, key: Key, column: str) -> Floor:
        return self.special.get(column.split(" ")[0], {}).get(key, self.floors[key])

    def judge(self, key: Key, column: str, tensor: Array) -> Judgement:
        """By the usual floor; what fails, however far off, by that of rare events: a flip may be worth anything."""
        floor = self.floor(key, column)
        judged = judge(tensor, self.tensors[key], floor)
        if judged.passes or key not in self.rare:
            return judged
        return judge(tensor, self.tensors[key], with_flips(floor, self.rare[key]))


def compare(
    observations: Sequence[Observation],
    truth: Truth,
    kinds: Iterable[str],
    vacuous: Mapping[str, str] | None = None,
) -> list[Verdict]:
    """Verdicts on every tensor of the given kinds, in the order of the first observation.

    `vacuous` names tensors that may be zero or constant, with the reason. Raises ValueError if nothing would be
    compared.
    """
    if not any(observation.column != "numpy" for observation in observations):
        raise ValueError("no observation but the reference's is given; expected at least one other column")
    kinds = set(kinds)
    keys = [key for observation in observations for key in observation.tensors if key.kind in kinds]
    found = [verdict_on(key, observations, truth, vacuous or {}) for key in dict.fromkeys(keys)]
    return [verdict for verdict in found if verdict is not None]


@np.errstate(over="ignore")  # what is infinitely far off fails
def verdict_on(
    key: Key, observations: Sequence[Observation], truth: Truth, vacuous: Mapping[str, str]
) -> Verdict | None:
    """The verdict on one tensor; None if it is a trace of a submodule that not all columns have."""
    tensors = {o.column: o.tensors[key] for o in observations if key in o.tensors}
    absent = [o.column for o in observations if key not in o.tensors]
    if absent or key not in truth.tensors:
        if key.kind in TRACED:
            return None
        produced = {o.column: key in o.tensors for o in observations}
        return broken(key, f"not produced by {' and '.join(absent) or 'the reference'}", odd_one_out(produced))
    shapes = {column: tensor.shape for column, tensor in tensors.items()} | {"numpy": truth.tensors[key].shape}
    if len(set(shapes.values())) > 1:
        return broken(key, f"shapes differ: {shapes}", odd_one_out(shapes))
    finite = {column: bool(np.isfinite(tensor).all()) for column, tensor in tensors.items()}
    if not all(finite.values()):
        return broken(
            key, "NaN or infinite in " + " and ".join(c for c, ok in finite.items() if not ok), odd_one_out(finite)
        )
    if str(key) not in vacuous and (reason := vacuity(key, tensors)):
        return broken(key, f"vacuous: {reason}", [])
    return measure(key, tensors, truth, next(o.axes[key] for o in observations))


def measure(key: Key, tensors: Mapping[str, Array], truth: Truth, axes: str) -> Verdict:
    """Judge every column against the reference, and describe the one that is farthest from it."""
    r = truth.tensors[key].astype(np.float64)
    wide = {column: tensor.astype(np.float64) for column, tensor in tensors.items()}
    judged = {column: truth.judge(key, column, tensor) for column, tensor in wide.items()}
    column = max(judged, key=lambda c: excess(judged[c]))
    index, distance = judged[column].worst, wide[column] - r
    described = Verdict(
        key,
        units={c: j.r2 for c, j in judged.items()},
        needed=excess(judged[column]),
        error=float(np.abs(distance).max()),
        bound=float(REL_LIMIT * truth.floor(key, column).element[index]),
        relative=rms(distance) / (rms(r) or 1.0),
        worst=place(index, axes),
        values={c: float(tensor[index]) for c, tensor in ({"numpy": r} | wide).items()},
    )
    failed = [c for c, j in judged.items() if not j.passes]
    if not failed:
        return described
    problem = f"differs: {judged[column].reason} noise units"
    if "numpy" in failed:  # its kernels and its definitions differ
        values = {**described.values, DEFINITION: float(r[index])}
        return replace(described, problem=problem, off="numpy", values=values)
    return replace(described, problem=problem, off=vote({"numpy": r} | wide, truth.floor(key, column)))


def excess(judgement: Judgement) -> float:
    """How many times its allowance a tensor is off: above 1 fails."""
    return max(judgement.r2 / R2_LIMIT, judgement.rel / REL_LIMIT)


def vote(tensors: Mapping[str, Array], floor: Floor) -> str:
    """The column(s) outvoted: those outside the largest set of columns that agree with each other.

    Two columns' noises add up, so a pair may be twice as far apart as a column from the reference. Between the
    reference and one other column there is no vote; the other is named. If no two agree, the noise may be that of a
    wrong reference; if some column agrees with all, another is off by less than two allowances. Then the column is off
    that lies far from two which lie near each other.
    """
    columns = list(tensors)
    if len(columns) == 2:
        return columns[1]
    doubled = Floor(2 * floor.tensor, 2 * floor.element)
    friends = [
        frozenset(b for b in columns if a == b or judge(tensors[a], tensors[b], doubled).passes) for a in columns
    ]
    widest = len(max(friends, key=len))
    if 1 < widest < len(columns):
        return outvoted(columns, friends)
    return loner(tensors, R2_LIMIT if widest == 1 else 2)


def loner(tensors: Mapping[str, Array], times: float) -> str:
    """The column from which the others are so many times farther than they are from each other."""
    apart = {pair: rms(tensors[pair[0]] - tensors[pair[1]]) for pair in combinations(tensors, 2)}
    (nearest, gap), *others = sorted(apart.items(), key=lambda item: item[1])
    if len(tensors) != 3 or gap * times > others[0][1]:
        return "no majority"
    return next(column for column in tensors if column not in nearest)


def outvoted(columns: Sequence[str], friends: Sequence[frozenset[str]]) -> str:
    """The columns outside the largest circle of friends, unless another circle is as large."""
    circles = sorted(set(friends), key=len, reverse=True)
    if len(circles[0]) == 1 or (len(circles) > 1 and len(circles[0]) == len(circles[1])):
        return "no majority"
    return " and ".join(column for column in columns if column not in circles[0])


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
    if key.kind == "output" and all(
        tensor.size > 1 and np.all(tensor == tensor.flat[0]) for tensor in tensors.values()
    ):
        return "the output is constant"
    return ""


def broken(key: Key, problem: str, off: Sequence[str]) -> Verdict:
    return Verdict(key, problem, " and ".join(off))
