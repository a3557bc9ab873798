"""What is trained, on how many scenes and how, and the mean average precision it must reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from crosscheck import registry
from crosscheck.axes import Array
from crosscheck.backends.base import Rule
from crosscheck.case import Case
from crosscheck.detect import scenes
from crosscheck.detect.scenes import Scenes

TRAINING, HELD_OUT = 1, 2
"""The seeds of the scenes."""


@dataclass(frozen=True)
class Recipe:
    """`widths` are those of the net; its `boxes` anchors a cell at either scale are found among the training scenes.
    `prior` is the logit of p_c that the heads start from: nearly every slot is empty (Lin et al. 2017)."""

    scenes: int = 1600
    held_out: int = 200
    epochs: int = 7
    batch_size: int = 16
    alpha0: float = 0.01
    base: float = 0.7
    widths: tuple[int, ...] = (8, 16, 24, 32)
    boxes: int = 2
    coordinate_weight: float = 1.0
    ignore: float = 0.6
    prior: float = -3.0
    target: float = 0.85

    net = "detection.yolo.Yolo"
    initializer = "he"

    def __post_init__(self) -> None:
        for name in ("scenes", "held_out", "epochs", "batch_size"):
            if (value := getattr(self, name)) < 1:
                raise ValueError(f"{name} is {value}; expected at least 1")

    @property
    def arguments(self) -> Mapping[str, Any]:
        return {"num_classes": len(scenes.CLASSES), "boxes": self.boxes, "widths": self.widths}

    @property
    def training(self) -> Scenes:
        return scenes.make(self.scenes, TRAINING)

    @property
    def judged(self) -> Scenes:
        return scenes.make(self.held_out, HELD_OUT)

    @cached_property
    def grid(self) -> Mapping[str, Any]:
        """What says where the slots are: the fine scale has the smaller anchors."""
        stages = len(self.widths) - 1
        return {
            "size": (scenes.SIZE, scenes.SIZE),
            "strides": (2 ** (stages - 1), 2**stages),
            "anchors": (self.anchors[: self.boxes], self.anchors[self.boxes :]),
        }

    @cached_property
    def anchors(self) -> tuple[tuple[float, ...], ...]:
        """By k-means of the training objects' sizes, from sizes that are evenly spread among them."""
        objects = self.training.objects
        sizes = objects[objects[..., 4] >= 0][:, 2:4]
        ordered = sizes[np.argsort(sizes.prod(axis=1), kind="stable")]
        start = ordered[np.linspace(0, len(ordered) - 1, 4 * self.boxes + 1).round().astype(int)[1::2]]
        found = registry.find("numpy", "detection.anchors.k_means")(sizes, start)
        return tuple(tuple(map(float, anchor)) for anchor in found)

    @cached_property
    def case(self) -> Case:
        """The net and its cost, as the columns' backends take them."""
        return Case(
            self.net,
            "trained on scenes",
            arguments=self.arguments,
            inputs={"X": f"m={self.batch_size} h={scenes.SIZE} w={scenes.SIZE} c=3"},
            output="m s v",
            cost="detection.yolo_loss.yolo_loss",
            cost_arguments={**self.grid, "coordinate_weight": self.coordinate_weight, "ignore": self.ignore},
            labels=f"m={self.batch_size} n={scenes.MOST} v=5",
            compiled=True,
        )

    def rule(self, epoch: int) -> Rule:
        alpha = registry.find("numpy", "training.schedules.exponential")(self.alpha0, self.base)
        return Rule("adam", {"alpha": alpha(epoch)})

    def batches(self, epoch: int) -> list[Array]:
        """Which scenes are in each mini-batch of an epoch; those of one last, smaller one are left out."""
        order = np.random.default_rng([TRAINING, epoch]).permutation(self.scenes)
        count = max(self.scenes // self.batch_size, 1)
        return [order[i * self.batch_size : (i + 1) * self.batch_size] for i in range(count)]
