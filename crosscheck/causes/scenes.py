"""From a divergence to sites: what was recorded there, cut down to what hypotheses are about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.site import Side, Site
from crosscheck.models.model import Leaf, Model
from crosscheck.twins.forced import Match, back
from crosscheck.twins.measure import noises

SOURCES = 6
"""Values that wiring may have used: those that came last before it."""


def sites(twins: Any, scene: Any, divergence: Any) -> list[Site]:
    """The sites of a divergence, the tensor that differs most first."""
    match = divergence.match
    if divergence.direction == "state" and match:
        return state_sites(twins, scene, match)
    if divergence.wiring and divergence.direction == "forward":
        return wiring_sites(twins, scene, divergence)
    if match and divergence.direction == "forward":
        return output_sites(twins, scene, match)
    if match and divergence.direction == "backward" and not divergence.wiring:
        return gradient_sites(twins, scene, match)
    return []


def sides(twins: Any, match: Match | None) -> tuple[Side, Side]:
    if match is None:
        return Side(twins.first.framework), Side(twins.second.framework)
    return side(twins.first, match.first.path, match.first.kind), side(
        twins.second, match.second.path, match.second.kind
    )


def side(model: Model, path: str, kind: str) -> Side:
    return Side(model.framework, kind, model.config(path))


def leaves_of(twins: Any, match: Match, values: Mapping[str, Array], trainable: bool) -> dict[str, Array]:
    """The first model's leaves that the unit itself owns, by their last name."""
    own: list[Leaf] = [leaf for leaf in twins.first.leaves if leaf.owner.endswith(match.first.path)]
    prefix = match.first.path
    found = [leaf for leaf in own if leaf.owner in (prefix, leaf.owner.partition(".")[0] + "." + prefix)]
    return {leaf.name: wide(values[leaf.path]) for leaf in found if leaf.trainable == trainable}


def wide(x: Array) -> Array:
    return x.astype(np.float64) if x.dtype.kind == "f" else x


def there(scene: Any, match: Match) -> Any:
    return next(call for call in scene.forced.calls if call.key == match.unit.second)


def base(twins: Any, scene: Any, match: Match) -> dict[str, Any]:
    """What every site of a unit has."""
    values = scene.asks[0].values
    return {
        "inputs": tuple(wide(x) for x in match.first.inputs.values()),
        "sides": sides(twins, match),
        "weights": leaves_of(twins, match, values, True),
        "buffers": leaves_of(twins, match, values, False),
        "train": scene.asks[0].train,
    }


def output_sites(twins: Any, scene: Any, match: Match) -> list[Site]:
    theirs = back(there(scene, match).outputs, match.outputs)
    floor = noises(match.first.outputs, [outputs_of(run, match) for run in scene.moved], "float64")
    common = base(twins, scene, match)
    found = [
        Site("output", wide(mine), wide(theirs[name]), name=name, noise=floor[name], **common)
        for name, mine in match.first.outputs.items()
        if name in theirs and mine.dtype.kind == "f"
    ]
    return sorted(found, key=apart, reverse=True)


def outputs_of(run: Any, match: Match) -> dict[str, Array]:
    call = next((call for call in run.calls if call.key == match.unit.first), match.first)
    outputs: dict[str, Array] = call.outputs
    return outputs


def apart(site: Site) -> float:
    return float(np.linalg.norm(site.first - site.second)) if site.first.shape == site.second.shape else np.inf


def state_sites(twins: Any, scene: Any, match: Match) -> list[Site]:
    pulled = twins.pairing.pull(scene.forced.state)
    common = base(twins, scene, match)
    found = []
    for leaf in twins.first.leaves:
        path = match.first.path
        if not leaf.trainable and leaf.owner.endswith(path) and leaf.path in pulled and leaf.name in common["buffers"]:
            mine = scene.run.state[leaf.path]
            found.append(Site("state", wide(mine), wide(pulled[leaf.path]), name=leaf.name, **common))
    return sorted(found, key=apart, reverse=True)


def gradient_sites(twins: Any, scene: Any, match: Match) -> list[Site]:
    """What comes back to the unit's inputs."""
    theirs = back(there(scene, match).input_cotangents, match.inputs)
    common = base(twins, scene, match)
    cotangent = next(iter(match.first.cotangents.values()), None)
    found = [
        Site("gradient", wide(mine), wide(theirs[name]), name=name, cotangent=cotangent, **common)
        for name, mine in match.first.input_cotangents.items()
        if name in theirs
    ]
    return sorted(found, key=apart, reverse=True)


def wiring_sites(twins: Any, scene: Any, divergence: Any) -> list[Site]:
    """What reaches the unit `before`, or what the module around gives, as something made of values from before."""
    reached = next((m for m in scene.matches if divergence.before and m.unit.first == divergence.before), None)
    match, side_, names = (reached, "inputs", reached.inputs) if reached else (divergence.match, "outputs", None)
    if match is None:
        return []
    names = names if names is not None else match.outputs
    theirs = back(getattr(there(scene, match), side_), names)
    sources = before(scene, match, divergence)
    return sorted(
        [
            Site(
                "value",
                wide(mine),
                wide(theirs[name]),
                sources,
                sides(twins, None),
                name=name,
                train=scene.asks[0].train,
            )
            for name, mine in getattr(match.first, side_).items()
            if name in theirs and mine.dtype.kind == "f"
        ],
        key=apart,
        reverse=True,
    )


def before(scene: Any, match: Match, divergence: Any) -> tuple[Array, ...]:
    """Values that the wiring may have used: the model's inputs, what reached the module around, and what the units gave
    that completed before, the nearest last."""
    found = [wide(value) for value in scene.asks[0].inputs.values()]
    if divergence.match is not None:
        found += [wide(value) for value in divergence.match.first.inputs.values()]
    gave: list[Array] = []
    for other in scene.matches:
        if other.unit.first == match.unit.first:
            break
        if other.unit.inner:
            gave += [wide(value) for value in other.first.outputs.values()]
    return (*found, *gave[-SOURCES:])
