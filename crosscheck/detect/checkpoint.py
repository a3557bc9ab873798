"""A training in one file, complete or not there: where every learner stands, to the bit, and the recipe it follows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from crosscheck import checkpoints, registry, tensor_files
from crosscheck.axes import Array
from crosscheck.backends.base import Point
from crosscheck.detect.recipe import Recipe
from crosscheck.detect.training import Training
from reference.module import nest, shapes

FORMAT = "crosscheck detector in training, 1"
MOMENTS = ("v", "s")

Shape = tuple[int, ...]


def save(path: Path, training: Training) -> None:
    tensors = {f"{name}|{key}": value for name, point in training.points.items() for key, value in numbers(point)}
    facts = {"epoch": training.epoch, "curves": training.curves, "recipe": asdict(training.recipe)}
    tensor_files.write(path, tensors, {"format": FORMAT} | {name: json.dumps(value) for name, value in facts.items()})


def numbers(point: Point) -> Iterator[tuple[str, Array]]:
    yield from ((f"params|{path}", value) for path, value in point.params.items())
    yield from ((f"state|{path}", value) for path, value in point.state.items())
    for moment, values in point.moments.items():
        yield from ((f"{moment}|{path}", value) for path, value in values.items())
    yield "t", np.array([point.t])


def load(path: Path, recipe: Recipe, learners: Sequence[str]) -> Training:
    """The training to go on with. Raises ValueError, naming the file, if it is damaged or of another recipe."""
    facts, tensors = read(path)
    followed = json.loads(facts["recipe"])
    for name, wanted in asdict(recipe).items():
        if followed.get(name) != (list(wanted) if isinstance(wanted, tuple) else wanted):
            raise ValueError(f"{path}: of a training with {name} = {followed.get(name)}; expected {wanted}")
    curves = json.loads(facts["curves"])
    if list(curves) != list(learners):
        raise ValueError(f"{path}: a training of {', '.join(curves)}; expected {', '.join(learners)}")
    points = {name: point(path, name, tensors, recipe) for name in learners}
    return Training(recipe, points, json.loads(facts["epoch"]), curves)


def read(path: Path) -> tuple[Mapping[str, str], dict[str, Array]]:
    """The file's facts and tensors."""
    from safetensors import safe_open

    tensors = tensor_files.load(path)
    with safe_open(path, "numpy") as file:
        facts = file.metadata() or {}
    if facts.get("format") != FORMAT:
        raise ValueError(f"{path}: no detector in training; expected a file that scripts/detect has written")
    return facts, tensors


def point(path: Path, name: str, tensors: Mapping[str, Array], recipe: Recipe) -> Point:
    """Where a learner stands, with every tensor of the net in its shape."""
    net = registry.find("numpy", recipe.net)(**recipe.arguments)
    own = shapes(net)

    def group(kind: str, expected: Mapping[str, Shape]) -> dict[str, Array]:
        return {key: tensor(path, tensors, f"{name}|{kind}|{key}", shape) for key, shape in expected.items()}

    moments = {moment: group(moment, own) for moment in MOMENTS}
    steps = tensor(path, tensors, f"{name}|t", (1,))
    return Point(group("params", own), group("state", shapes(net, "state")), moments, int(steps[0]))


def tensor(path: Path, tensors: Mapping[str, Array], name: str, shape: Shape) -> Array:
    if name not in tensors or tensors[name].shape != shape:
        found = f"has shape {tensors[name].shape}" if name in tensors else "is missing"
        raise ValueError(f"{path}: {name} {found}; expected the shape {shape}")
    if not np.isfinite(tensors[name]).all():
        raise ValueError(f"{path}: {name} is not finite; expected numbers")
    return tensors[name]


def save_weights(path: Path, recipe: Recipe, at: Point) -> None:
    """The net alone, in the file that every column loads: `crosscheck.checkpoints.into`."""
    net = registry.find("numpy", recipe.net)(**recipe.arguments)
    checkpoints.save(path, "numpy", recipe.net, (net, nest(at.params), nest(at.state)), **recipe.arguments)


def into(column: str, recipe: Recipe, path: Path) -> Any:
    return checkpoints.into(column, recipe.net, path, **recipe.arguments)
