"""Sites of units: what a layer makes of what it is given, forward and backward, and what it keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.site import Side, Site, wide
from crosscheck.models.model import Leaf, Model, module_of
from crosscheck.twins.forced import Match, back, carried
from crosscheck.twins.measure import noises


def sides(twins: Any, match: Match | None) -> tuple[Side, Side]:
    if match is None:
        return Side(twins.first.framework), Side(twins.second.framework)
    return side(twins.first, match.first.path, match.first.kind), side(
        twins.second, match.second.path, match.second.kind
    )


def side(model: Model, path: str, kind: str) -> Side:
    return Side(model.framework, kind, model.config(path))


def leaves_of(leaves: Iterable[Leaf], unit: str, values: Mapping[str, Array], trainable: bool) -> dict[str, Array]:
    """A unit's leaves by their path below it."""
    kept = [leaf for leaf in leaves if leaf.trainable == trainable]
    found = {alias.rpartition(".")[2]: leaf.path for leaf in kept if leaf.is_also_in(unit) for alias in leaf.aliases}
    found |= {below(leaf, unit): leaf.path for leaf in kept}
    return {name: wide(values[path]) for name, path in found.items() if name}


def below(leaf: Leaf, unit: str) -> str:
    """A leaf's path from a unit, "" if it is not below."""
    prefix = f"{module_of(unit)}." if unit else ""
    return leaf.place.removeprefix(prefix) if leaf.place.startswith(prefix) else ""


def alone(twins: Any, scene: Any, match: Match) -> dict[str, Array]:
    """What only the second's unit has."""
    leaves = [leaf for leaf in twins.second.leaves if leaf.path in twins.pairing.second_alone]
    return leaves_of(leaves, match.second.path, scene.asks[1].values, True)


def there(scene: Any, match: Match) -> Any:
    return next(call for call in scene.forced.calls if call.key == match.unit.second)


def base(twins: Any, scene: Any, match: Match) -> dict[str, Any]:
    """What every site of a unit has."""
    values = scene.asks[0].values
    return {
        "inputs": tuple(wide(x) for x in match.first.inputs.values()),
        "sides": sides(twins, match),
        "weights": leaves_of(twins.first.leaves, match.first.path, values, True),
        "buffers": leaves_of(twins.first.leaves, match.first.path, values, False),
        "theirs": alone(twins, scene, match),
        "train": scene.asks[0].train,
    }


def last_sites(twins: Any, scene: Any, match: Match, of: Callable[..., list[Site]]) -> list[Site]:
    """Of a unit that is called several times the last call that differs: a cell's first one often begins with zeros, of
    which too many conventions make the same."""
    calls = [m for m in scene.matches if m.first.path == match.first.path] or [match]
    found: list[Site] = []
    for call in reversed(calls):
        found = of(twins, scene, call)
        if not all(site.matches(site.first, site.second) for site in found):
            break
    return found


def output_sites(twins: Any, scene: Any, match: Match) -> list[Site]:
    theirs = back(there(scene, match).outputs, match.outputs | match.uneven_outputs)
    floor = noises(match.first.outputs, [outputs_of(run, match) for run in scene.moved], "float64")
    common = base(twins, scene, match)
    found = [
        Site("output", wide(mine), wide(theirs[name]), name=name, noise=floor[name], **common)
        for name, mine in match.first.outputs.items()
        if name in theirs and mine.dtype.kind == "f"
    ]
    return sorted(found, key=apart, reverse=True)


def turned_sites(twins: Any, scene: Any, match: Match) -> list[Site]:
    """The same with the second model as the first, whose layer may be one that is known, and in its layout."""
    call = there(scene, match)
    given = {**call.inputs, **carried(match.first.inputs, match.inputs, match.again)}
    values = scene.asks[1].values
    floor = noises(match.first.outputs, [outputs_of(run, match) for run in scene.moved], "float64")
    return [
        Site(
            "output",
            wide(call.outputs[other]),
            wide(fit.there(match.first.outputs[name])),
            tuple(wide(x) for x in given.values()),
            sides(twins, match)[::-1],
            leaves_of(twins.second.leaves, match.second.path, values, True),
            leaves_of(twins.second.leaves, match.second.path, values, False),
            other,
            scene.asks[0].train,
            floor[name],
        )
        for name, (other, fit) in match.outputs.items()
        if call.outputs[other].dtype.kind == "f"
    ]


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
        if not leaf.trainable and leaf.module == path and leaf.path in pulled and leaf.name in common["buffers"]:
            mine = scene.run.state[leaf.path]
            found.append(Site("state", wide(mine), wide(pulled[leaf.path]), name=leaf.name, **common))
    return sorted(found, key=apart, reverse=True)


def gradient_sites(twins: Any, scene: Any, match: Match) -> list[Site]:
    """What comes back to the unit's inputs."""
    theirs = back(there(scene, match).input_cotangents, match.inputs)
    common = base(twins, scene, match)
    came = came_back(match)
    found = [
        Site("gradient", wide(mine), wide(theirs[name]), name=name, **came, **(common | nearest(common, place)))
        for place, (name, mine) in enumerate(match.first.input_cotangents.items())
        if name in theirs
    ]
    return sorted(found, key=apart, reverse=True)


def came_back(match: Match) -> dict[str, Any]:
    """What came back to a unit."""
    cotangents = tuple(wide(value) for value in match.first.cotangents.values())
    went = tuple(wide(value) for value in match.first.outputs.values())
    return {"cotangent": cotangents[0] if cotangents else None, "cotangents": cotangents, "given": went}


def nearest(common: Mapping[str, Any], place: int) -> dict[str, Any]:
    """The inputs with the one last whose gradient it is."""
    inputs = common["inputs"]
    return {"inputs": (*inputs[:place], *inputs[place + 1 :], *inputs[place : place + 1])}


def leaf_sites(twins: Any, scene: Any, divergence: Any) -> list[Site]:
    """The gradient by one parameter."""
    path, match = divergence.gap.path, divergence.match
    pulled = twins.pairing.pull(scene.forced.gradients)
    if path not in scene.run.gradients or path not in pulled:
        return []
    common = base(twins, scene, match) | came_back(match) if match else {"inputs": (), "sides": sides(twins, None)}
    mine, theirs = wide(scene.run.gradients[path]), wide(pulled[path])
    return [Site("gradient", mine, theirs, name=path.rpartition(".")[2], **common)]
