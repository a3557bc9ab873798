"""From a divergence to sites: what was recorded there, cut down to what hypotheses are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.site import Side, Site, wide
from crosscheck.causes.stretch import AHEAD, SOURCES, before, between, ended, span_there, told
from crosscheck.models.model import Call, Leaf, Model, module_of
from crosscheck.twins.forced import Match, back
from crosscheck.twins.measure import noises


def sites(twins: Any, scene: Any, divergence: Any) -> list[Site]:
    """The sites of a divergence, the tensor that differs most first."""
    match = divergence.match
    if divergence.direction == "state" and match:
        return state_sites(twins, scene, match)
    if divergence.wiring and divergence.direction == "forward":
        return [*wiring_sites(twins, scene, divergence), *joined_sites(twins, scene, divergence)]
    if match and divergence.direction == "forward":
        return last_sites(twins, scene, match)
    if divergence.direction == "backward" and divergence.gap.kind == "gradient":
        return leaf_sites(twins, scene, divergence)
    if divergence.wiring and divergence.direction == "backward":
        return returning_sites(twins, scene, divergence)
    if match and divergence.direction == "backward":
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


def last_sites(twins: Any, scene: Any, match: Match) -> list[Site]:
    """Of a unit that is called several times the last call that differs: a cell's first one often begins with zeros, of
    which too many conventions make the same."""
    calls = [m for m in scene.matches if m.first.path == match.first.path] or [match]
    found: list[Site] = []
    for call in reversed(calls):
        found = output_sites(twins, scene, call)
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


def returning_sites(twins: Any, scene: Any, divergence: Any) -> list[Site]:
    """What comes back to the output of the unit `after`, or to the inputs of the module around."""
    reached = next((m for m in scene.matches if divergence.after and m.unit.first == divergence.after), None)
    match = reached or divergence.match
    if match is None:
        return []
    side_, kind = ("outputs", "cotangents") if reached else ("inputs", "input_cotangents")
    theirs = back(getattr(there(scene, match), kind), getattr(match, side_))
    values = getattr(match.first, side_)
    common = {
        "sides": wiring_sides(twins, scene, divergence),
        "cotangents": returned(scene, match, divergence),
        "given": went_on(scene, match, divergence),
        "train": scene.asks[0].train,
    }
    found = [
        Site("gradient", wide(mine), wide(theirs[name]), (wide(values[name]),), name=name, **common)
        for name, mine in getattr(match.first, kind).items()
        if name in theirs and name in values
    ]
    return sorted(found, key=apart, reverse=True)


def returned(scene: Any, match: Match, divergence: Any) -> tuple[Array, ...]:
    """Cotangents that the wiring may have passed on: of the outputs around, and those that units made that come later,
    the nearest last."""
    whole = next((m for m in scene.matches if not m.unit.first), None)
    found = [wide(g) for g in whole.first.cotangents.values()] if whole else []
    if divergence.match is not None:
        found += [wide(g) for g in divergence.match.first.cotangents.values()]
    gave = [wide(g) for other in following(scene, match, divergence) for g in other.first.input_cotangents.values()]
    return (*found, *gave[:SOURCES][::-1])


def went_on(scene: Any, match: Match, divergence: Any) -> tuple[Array, ...]:
    """What reached the units that come later."""
    took = [wide(x) for other in following(scene, match, divergence) for x in other.first.inputs.values()]
    return tuple(took[:SOURCES])


def following(scene: Any, match: Match, divergence: Any) -> list[Match]:
    """The innermost units that come later; all those in the module around if it is that whose inputs differ."""
    keys = [m.unit.first for m in scene.matches]
    start = keys.index(match.unit.first) + 1 if divergence.after in keys else 0
    return [other for other in scene.matches[start:] if other.unit.inner]


def wiring_sites(twins: Any, scene: Any, divergence: Any) -> list[Site]:
    """What reaches the unit `before`, or what the module around gives, as something made of values from before."""
    reached = reached_by(scene, divergence)
    match, side_ = (reached, "inputs") if reached else (divergence.match, "outputs")
    if match is None:
        return []
    names = match.inputs | match.uneven_inputs if reached else match.outputs | match.uneven_outputs
    theirs = back(getattr(there(scene, match), side_), names)
    body = divergence.match.first.path if divergence.match else ""
    inputs = before(scene, match, divergence)
    passed = [*passed_by(twins, scene, divergence), *between(scene.run, divergence)]
    given = [told(y, call) for call in passed for y in call.outputs.values()]
    sizes = {x.size for x in getattr(match.first, side_).values()}
    given += [told(y, call) for call in ended(scene, divergence) for y in call.outputs.values() if y.size not in sizes]
    common = {
        "inputs": tuple(source.array for source in inputs),
        "sides": wiring_sides(twins, scene, divergence),
        "weights": leaves_of(twins.first.leaves, body, scene.asks[0].values, True),
        "buffers": leaves_of(twins.first.leaves, body, scene.asks[0].values, False),
        "given": tuple(source.array for source in given),
        "reaches": reached.first.kind if reached else "",
        "called": tuple((source.words, source.kind) for source in (*inputs, *given)),
        "arrived": {i: source.there for i, source in enumerate(inputs) if source.there is not None},
        "train": scene.asks[0].train,
    }
    return sorted(
        [
            Site("value", wide(mine), wide(theirs[name]), name=name, **common)
            for name, mine in getattr(match.first, side_).items()
            if name in theirs and mine.dtype.kind in "fiu"
        ],
        key=apart,
        reverse=True,
    )


def reached_by(scene: Any, divergence: Any) -> Match | None:
    """The unit to which a stretch of wiring leads."""
    return next((m for m in scene.matches if divergence.before and m.unit.first == divergence.before), None)


def joined_sites(twins: Any, scene: Any, divergence: Any) -> list[Site]:
    """What a unit that is given another size than its counterpart makes of the smaller of the two, or of values before:
    seen as one with what is done ahead of it, a padding by hand."""
    match = reached_by(scene, divergence)
    if match is None or not match.uneven_inputs:
        return []
    theirs = back(there(scene, match).inputs, match.uneven_inputs)
    given = min((wide(x) for x in (*theirs.values(), *match.first.inputs.values())), key=np.size)
    ahead = [source.array for source in before(scene, match, divergence) if source.array.ndim == given.ndim]
    sites = output_sites(twins, scene, match)
    return [replace(site, inputs=(x,)) for x in (given, *ahead[: -AHEAD - 1 : -1]) for site in sites]


def wiring_sides(twins: Any, scene: Any, divergence: Any) -> tuple[Side, Side]:
    """Of wiring the settings of the module around, and of those without parameters in it."""
    first, second = between(scene.run, divergence), between(scene.forced, span_there(scene, divergence))
    return wired(twins.first, divergence.first, first), wired(twins.second, divergence.second, second)


def passed_by(twins: Any, scene: Any, divergence: Any) -> list[Call]:
    """The second model's layers in the stretch, which the first passes by."""
    owners = {leaf.module for leaf in twins.second.leaves} - {match.second.path for match in scene.matches}
    return [call for call in between(scene.forced, span_there(scene, divergence)) if call.path in owners]


def wired(model: Model, body: str, calls: Iterable[Call]) -> Side:
    config = dict(model.config(body)) if body in model.kinds() else {}
    for call in calls:
        config |= model.config(call.path)
    return Side(model.framework, "", config)
