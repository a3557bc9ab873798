"""A column at its last work: weights from a file, scenes, and what it finds in them with its own functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crosscheck import registry
from crosscheck.axes import Array
from crosscheck.detect import checkpoint, scenes
from crosscheck.detect.recipe import Recipe
from crosscheck.detect.scenes import Scenes
from crosscheck.detect.training import column_of

AT_ONCE = 50
LEAST_SCORE = 0.1
LOOKED_AT = 4
"""Of so many scenes every slot is compared."""
Forward = Callable[[Array], Any]
Task = tuple[str, Recipe, Path]
"""A learner's name, and the weights that its column is given."""
COCO = tuple((50 + 5 * i) / 100 for i in range(10))


@dataclass(frozen=True)
class Detections:
    """Of all scenes, one after the other and in each the best first: scene number, class, and score x1 y1 x2 y2 [d 5];
    average precision by class at an overlap of 0.5, and COCO's mean over 0.50, 0.55 .. 0.95."""

    scenes: Array
    classes: Array
    numbers: Array
    by_class: tuple[float, ...]
    coco: float

    def __len__(self) -> int:
        return len(self.scenes)

    @property
    def mean(self) -> float:
        return float(np.mean(self.by_class))

    def of(self, scene: int) -> Iterator[tuple[int, Array]]:
        """The class and the numbers of each detection in a scene."""
        found = self.scenes == scene
        return zip(self.classes[found], self.numbers[found])


def detect(task: Task) -> Detections:
    """What a learner's column finds in the held-out scenes, given weights."""
    name, recipe, weights = task
    column, judged = column_of(name), recipe.judged
    evaluate = registry.find(column, "detection.yolo_eval.yolo_eval")
    found = []
    for boxes, confidence, classes in decoded(column, recipe, weights, judged.pictures):
        found += [evaluate(*each, score_threshold=LEAST_SCORE) for each in zip(confidence, boxes, classes)]
    return collected(column, found, judged)


def slots(task: Task) -> Array:
    """What it says of every slot of the first held-out scenes: confidence, x1 y1 x2 y2, classes [m s 5+k]."""
    name, recipe, weights = task
    pictures = recipe.judged.pictures[:LOOKED_AT]
    boxes, confidence, classes = next(decoded(column_of(name), recipe, weights, pictures))
    return np.concatenate([np.asarray(confidence)[..., None], np.asarray(boxes), np.asarray(classes)], axis=-1)


def decoded(column: str, recipe: Recipe, weights: Path, pictures: Array) -> Iterator[tuple[Any, Any, Any]]:
    """Boxes, confidence and classes of every slot, of some pictures at a time."""
    forward = FORWARD[column](checkpoint.into(column, recipe, weights))
    decode = registry.find(column, "detection.yolo_head.decode")
    for first in range(0, len(pictures), AT_ONCE):
        yield value_of(column, decode(forward(pictures[first : first + AT_ONCE]), **recipe.grid))


def collected(column: str, found: list[tuple[Any, Any, Any]], judged: Scenes) -> Detections:
    """The detections of each scene put together, and judged by the column itself."""
    scores, boxes, classes = (np.concatenate([np.asarray(part) for part in parts]) for parts in zip(*found))
    numbers = np.repeat(np.arange(len(found)), [len(part) for part, _, _ in found])
    average_precisions = registry.find(column, "detection.evaluation.average_precisions")
    given = [ARRAYS[column](values) for values in (boxes, scores, classes, numbers, *truth(judged))]
    by_class = average_precisions(*given, count=len(scenes.CLASSES))[0]
    coco = average_precisions(*given, count=len(scenes.CLASSES), thresholds=COCO, kind="101-point").mean()
    return Detections(
        numbers, classes, np.column_stack([scores, boxes]), tuple(float(value) for value in by_class), float(coco)
    )


def truth(judged: Scenes) -> tuple[Array, Array, Array]:
    """Corners, class and scene number of every object."""
    number, place = np.nonzero(judged.objects[..., 4] >= 0)
    objects = judged.objects[number, place]
    middle, half = objects[:, :2], objects[:, 2:4] / 2
    return np.concatenate([middle - half, middle + half], axis=1), objects[:, 4], number


def value_of(column: str, result: Any) -> Any:
    """Without the reference's pullback."""
    return result[0] if column == "numpy" else result


def numpy_forward(model: Any) -> Forward:
    net, p, s = model
    return lambda X: net(p, s, X)[0]


def torch_forward(model: Any) -> Forward:
    import torch

    model.eval().requires_grad_(False)
    return lambda X: model(torch.from_numpy(np.moveaxis(X, 3, 1).copy()))


def jax_forward(model: Any) -> Forward:
    from flax import nnx

    model.eval()
    run = nnx.jit(lambda net, X: net(X))
    return lambda X: run(model, X)


def torch_array(values: Array) -> Any:
    import torch

    return torch.from_numpy(values)


def jax_array(values: Array) -> Any:
    import jax.numpy as jnp

    return jnp.asarray(values)


FORWARD: Mapping[str, Callable[[Any], Forward]] = {"numpy": numpy_forward, "torch": torch_forward, "jax": jax_forward}
ARRAYS: Mapping[str, Callable[[Array], Any]] = {"numpy": np.asarray, "torch": torch_array, "jax": jax_array}
