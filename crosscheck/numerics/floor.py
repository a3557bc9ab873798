"""The noise floor of a tensor, and the verdict it gives: no tolerance in the units of the data.

From K noisy runs s_k of the reference r, with D_k = s_k - r and i over the elements,

    sigma_T^2 = mean_{k,i} D_{k,i}^2                                  the noise of the tensor
    sigma_i^2 = (sum_k D_{k,i}^2 + 2 sigma_T^2) / (K + 2)             of an element, drawn towards the tensor's

both at least half a unit roundoff of |r_i|, or half of what the format may lose near zero (its smallest normal number
where hardware flushes). An observation o then has

    r2 = rms_i(o - r) / sigma_T        rel = max_i |o_i - r_i| / sigma_i        and fails if r2 > 8 or rel > 24.

Both limits are pure numbers, one pair for every format, operation, shape and model: 1 is what the arithmetic does. The
largest of very many elements exceeds any fixed limit some day, so above 10^5 elements rel is the largest r2 of the
slices (of 16 elements and more) along each axis, times 24/8.

In a narrow format a value may lie so near to a kink (of relu, of a maximum) that its noise decides on which side it
falls, and what comes after moves by much more than rounding moves it. A value may be 8 noise units off, so runs whose
noise is 8 times as strong show which of them can fall on the other side. What fails by the limits above is therefore
judged once more, and fails if it is farther out than all of RARE such runs, as a whole or at some element:

    rms_i(o - r) > max_k rms_i(D_k)        or        |o_i - r_i| > max_k |D_{k,i}|

Where that is more than 8 times what is usually allowed, something fell on the other side. It moves things as far in a
library as in a run, give or take their noise, so there the usual allowance is added.

Nothing passes by default: an empty tensor, a NaN, an infinity that the reference does not share, and noise that is not
finite all fail, and `reason` says why.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from crosscheck.numerics.formats import Array, Format

RUNS = 16
R2_LIMIT = 8.0
REL_LIMIT = 24.0
LARGE = 100_000
SLICE = 16
RARE = 64
PRIOR = 2  # how many runs' worth the tensor's noise counts in an element's


@dataclass(frozen=True)
class Floor:
    """The noise of one tensor: sigma_T, and sigma_i in the tensor's shape."""

    tensor: float
    element: Array


@dataclass(frozen=True)
class Judgement:
    """r2 and rel in noise units, the worst element, and why the tensor fails if it does."""

    r2: float
    rel: float
    worst: tuple[int, ...]
    reason: str = ""

    @property
    def passes(self) -> bool:
        return not self.reason

    @property
    def needed(self) -> float:
        """The multiple of both limits that would have passed; up to 1 agrees."""
        return max(self.r2 / R2_LIMIT, self.rel / REL_LIMIT)


def noise_floors(
    run: Callable[[int], Mapping[str, Any]],
    reference: Mapping[str, Any],
    format: Format,
    seeds: Iterable[int] = range(RUNS),
) -> dict[str, Floor]:
    """The floor of every tensor of the reference, from one noisy run(seed) for each seed."""
    deviations: dict[str, list[Array]] = {name: [] for name in reference}
    for seed in seeds:
        with np.errstate(all="ignore"):  # noise that is not finite fails by its floor
            noisy = run(seed)
        same_names("a noisy run", noisy, reference)
        for name, r in reference.items():
            deviations[name].append(deviation(name, noisy[name], r))
    return {name: noise_floor(deviations[name], r, format) for name, r in reference.items()}


def noise_floor(deviations: list[Array], reference: Any, format: Format) -> Floor:
    """The floor of one tensor, from s_k - r of each run."""
    if not deviations:
        raise ValueError("seeds is empty; expected one for each noisy run, and at least one run")
    r = np.abs(np.asarray(reference, dtype=np.float64))
    least = 0.5 * np.maximum(format.unit_roundoff * r, 2.0**format.finest)
    unit = max(float(np.max(np.abs(x), initial=0)) for x in [*deviations, least]) or 1.0
    if not np.isfinite(unit):
        return Floor(np.inf, np.full(r.shape, np.inf))
    squares = sum((D / unit) ** 2 for D in deviations)  # in this unit they do not underflow
    variance = np.mean(squares) / len(deviations) if r.size else 0.0
    element = unit * np.sqrt((squares + PRIOR * variance) / (len(deviations) + PRIOR))
    return Floor(max(unit * float(np.sqrt(variance)), rms(least)), np.maximum(element, least))


def farthest(run: Callable[[int], Mapping[str, Any]], reference: Mapping[str, Any]) -> dict[str, Floor]:
    """The floor of every tensor of which the limits are what the farthest of RARE runs does."""
    found = {name: Floor(0.0, np.zeros(np.shape(r))) for name, r in reference.items()}
    for seed in range(RARE):
        with np.errstate(all="ignore"):
            noisy = run(seed)
        same_names("a noisy run", noisy, reference)
        for name, r in reference.items():
            D = np.abs(deviation(name, noisy[name], r))
            found[name] = wider(found[name], Floor(rms(D) / R2_LIMIT, D / REL_LIMIT))
    return found


def with_flips(usual: Floor, rare: Floor) -> Floor:
    """The wider of both, and both together where the rare one is of something that fell on the other side."""
    both = wider(usual, rare)
    tensor, element = (
        np.where(theirs > R2_LIMIT * ours, ours, 0)
        for ours, theirs in ((usual.tensor, rare.tensor), (usual.element, rare.element))
    )
    return Floor(both.tensor + float(tensor), both.element + element)


def wider(a: Floor, b: Floor) -> Floor:
    return Floor(float(np.maximum(a.tensor, b.tensor)), np.maximum(a.element, b.element))  # NaN stays NaN


def judge_each(
    observed: Mapping[str, Any], reference: Mapping[str, Any], floors: Mapping[str, Floor]
) -> dict[str, Judgement]:
    """The verdict on every tensor of the reference; a tensor that is missing or new is an error."""
    same_names("observed", observed, reference)
    same_names("floors", floors, reference)
    return {name: judge(observed[name], reference[name], floors[name], name) for name in reference}


def judge(observed: Any, reference: Any, floor: Floor, name: str = "observed") -> Judgement:
    d = deviation(name, observed, reference)
    if not d.size:
        return Judgement(np.inf, np.inf, (), "empty: nothing was compared")
    if not np.all(np.isfinite(d)):
        worst = place(~np.isfinite(d))
        found, expected = np.asarray(observed)[worst], np.asarray(reference)[worst]
        return Judgement(np.inf, np.inf, worst, f"not finite: {found} where the reference has {expected}")
    if not np.isfinite(floor.tensor):
        return Judgement(np.inf, np.inf, place(d == d), "the noise is not finite: the format overflows")
    if not d.any():
        return Judgement(0.0, 0.0, (0,) * d.ndim)
    with np.errstate(over="ignore"):
        r2, relative = rms(d / floor.tensor), np.abs(d) / floor.element
        if d.size > LARGE:
            rel, worst = worst_slice(d, floor, relative)
        else:
            rel, worst = float(relative.max()), place(relative)
    limits = (("r2", r2, R2_LIMIT), ("rel", rel, REL_LIMIT))
    reasons = [f"{what} {x:.3g} > {limit:g}" for what, x, limit in limits if x > limit]
    return Judgement(r2, rel, worst, " and ".join(reasons))


def worst_slice(d: Array, floor: Floor, relative: Array) -> tuple[float, tuple[int, ...]]:
    """The largest r2 of the slices along each axis as a rel, and the worst element of that slice."""
    error, noise = (d / floor.tensor) ** 2, (floor.element / floor.tensor) ** 2
    rel, worst = float(np.sqrt(error.mean() / noise.mean())), place(relative)
    for axis, size in enumerate(d.shape):
        others = tuple(i for i in range(d.ndim) if i != axis)
        if d.size // size < SLICE:
            continue
        r2 = np.sqrt(error.mean(axis=others) / noise.mean(axis=others))
        if r2.max() > rel:
            rel, index = float(r2.max()), int(r2.argmax())
            within = place(relative.take(index, axis))
            worst = (*within[:axis], index, *within[axis:])
    return rel * REL_LIMIT / R2_LIMIT, worst


def deviation(name: str, s: Any, r: Any) -> Array:
    """s - r; zero where both are the same infinity, and NaN if either is NaN."""
    s, r = np.asarray(s, dtype=np.float64), np.asarray(r, dtype=np.float64)
    if s.shape != r.shape:
        raise ValueError(f"{name} has shape {s.shape}; expected {r.shape}, the shape of the reference")
    with np.errstate(invalid="ignore"):
        return np.where(s == r, 0.0, s - r)


def rms(x: Array) -> float:
    """sqrt(mean x^2) without underflow or overflow of the squares."""
    unit = float(np.max(np.abs(x), initial=0))
    return unit * float(np.sqrt(np.mean((x / unit) ** 2))) if 0 < unit < np.inf else unit


def place(x: Array) -> tuple[int, ...]:
    """The index of the first largest element."""
    return tuple(int(i) for i in np.unravel_index(np.argmax(x), x.shape))


def same_names(what: str, names: Mapping[str, Any], reference: Mapping[str, Any]) -> None:
    if names.keys() != reference.keys():
        raise ValueError(
            f"{what} has {sorted(names.keys() - reference.keys())} that the reference lacks, "
            f"and lacks {sorted(reference.keys() - names.keys())}"
        )
