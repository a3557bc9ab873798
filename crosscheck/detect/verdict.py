"""Whether the columns detect the same: the same classes in the same order, and numbers no further apart than rounding.

Trained by itself, a column is held to the reference in the unit that rounding makes of this training: what the two and
their twins differ by (training.py). From one file of weights, in the unit of the arithmetic of a forward pass: what the
reference, disturbed, says of every slot (noise.py). In either, 8 such units fail, as everywhere (numerics/floor.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crosscheck import noise, registry
from crosscheck.axes import Array
from crosscheck.detect import checkpoint
from crosscheck.detect.detections import LOOKED_AT, Detections
from crosscheck.detect.recipe import Recipe
from crosscheck.detect.training import TWIN
from crosscheck.noise import Lift
from crosscheck.numerics.floor import R2_LIMIT, Floor, judge, noise_floor
from crosscheck.numerics.formats import FORMATS
from crosscheck.observation import Key
from reference.module import flatten, nest

NUMBERS = ("the score", "x1", "y1", "x2", "y2")
SLOTS = Key("output", "slots")


@dataclass(frozen=True)
class Verdict:
    """problem: "" if the same is detected; units: the distance from the reference, of which 8 fail; pixels: the largest
    difference of an edge."""

    problem: str = ""
    units: float = 0.0
    pixels: float = 0.0


def trained_alike(found: Mapping[str, Detections], column: str) -> Verdict:
    """A column trained by itself, beside the reference."""
    for name in (column, column + TWIN, "numpy" + TWIN):
        if problem := decided_otherwise(found["numpy"], found[name]):
            return Verdict(f"{name}: {problem}", np.inf, np.inf)
    rounding = [found[name + TWIN].numbers - found[name].numbers for name in ("numpy", column)]
    ours, theirs = found["numpy"].numbers, found[column].numbers
    units = distances(theirs, ours, rounding)
    worst = int(np.argmax(units))
    far = f"{NUMBERS[worst]} is {units[worst]:.3g} noise units off, {R2_LIMIT:g} are allowed"
    return Verdict(far if units[worst] > R2_LIMIT else "", units[worst], pixels(theirs - ours))


def distances(theirs: Array, ours: Array, rounding: Sequence[Array]) -> list[float]:
    """Of scores and of each edge, over all detections, in units of the rounding. Two samples of it say how large it is
    on the whole, not in each detection."""
    if not ours.size:
        return [np.inf]
    parts = zip(theirs.T, ours.T, zip(*(each.T for each in rounding)))
    return [judge(their, our, noise_floor(list(noise), our, FORMATS["float64"])).r2 for their, our, noise in parts]


def loaded_alike(found: Mapping[str, Detections], slots: Mapping[str, Array], floor: Floor, column: str) -> Verdict:
    """A column with the reference's weights, beside the reference."""
    if problem := decided_otherwise(found["numpy"], found[column]):
        return Verdict(problem, np.inf, np.inf)
    judged = judge(slots[column], slots["numpy"], floor)
    problem = f"slots differ: {judged.reason}" if judged.reason else ""
    return Verdict(problem, judged.r2, pixels(found[column].numbers - found["numpy"].numbers))


def decided_otherwise(ours: Detections, theirs: Detections) -> str:
    """The first scene in which not the same classes are found in the same order, in words, or ""."""
    for scene in np.union1d(ours.scenes, theirs.scenes):
        one, other = (found.classes[found.scenes == scene].astype(int).tolist() for found in (ours, theirs))
        if one != other:
            return f"finds classes {other} in scene {scene}, best first; the reference finds {one}"
    return ""


def pixels(difference: Array) -> float:
    return float(np.abs(difference[:, 1:]).max(initial=0))


def forward_noise(recipe: Recipe, weights: Path) -> Floor:
    """What rounding makes of the slots of the reference."""
    net, p, s = checkpoint.into("numpy", recipe, weights)
    pictures = recipe.judged.pictures[:LOOKED_AT]
    decode = registry.find("numpy", "detection.yolo_head.decode")

    def experiment(lift: Lift) -> Mapping[Key, Any]:
        params, state = (nest({path: lift(value) for path, value in flatten(tree).items()}) for tree in (p, s))
        (boxes, confidence, classes), _ = decode(net(params, state, lift(pictures))[0], **recipe.grid)
        return {SLOTS: np.concatenate([confidence[..., None], boxes, classes], axis=-1)}

    return noise.floors(experiment, noise.exact(experiment), "float64", f"{recipe} {weights.name}")[SLOTS]
