"""Mistakes in reference/detection: derivatives that were derived wrongly, and a pixel too many."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from crosscheck.faults.catalogue import Replacement, Site, rows

FILE = "reference.detection."
CASE = "detection."

row = rows("numpy", "detection", bites="gradient")


def derivative(change: Callable[..., Any]) -> Replacement:
    """The function with the derivative change(that of the original, its first argument)."""

    def replacement(original: Any) -> Any:
        @wraps(original)
        def faulty(X: Any, *args: Any, **kwargs: Any) -> Any:
            Y, back = original(X, *args, **kwargs)
            return Y, lambda *dY: change(back(*dY), X)

        return faulty

    return replacement


def without_exponential(dZ: Any, Z: Any) -> Any:
    return np.concatenate([dZ[..., :3], dZ[..., 3:5] / np.exp(Z[..., 3:5]), dZ[..., 5:]], axis=-1)


def corner_sign(dC: Any, C: Any) -> Any:
    return np.concatenate([dC[..., :2], -dC[..., 2:]], axis=-1)


FAULTS = [
    row(
        "decoded sizes' derivative without the exponential",
        derivative(without_exponential),
        Site(CASE + "yolo_head.decode"),
        where=FILE + "yolo_head:decode",
    ),
    row(
        "the YOLO loss's derivative without the 1/m",
        derivative(lambda dZ, Z: len(Z) * dZ),
        Site(CASE + "yolo_loss.yolo_loss"),
        where=FILE + "yolo_loss:yolo_loss",
    ),
    row(
        "RoIAlign's derivative without the mean over samples",
        derivative(lambda dX, X: 4 * dX),
        Site(CASE + "roi.roi_align"),
        where=FILE + "roi:roi_align",
    ),
    row(
        "a half size's sign in the derivative of corners",
        derivative(corner_sign),
        Site(CASE + "boxes.corner_from_center"),
        where=FILE + "boxes:corner_from_center",
    ),
    row(
        "smooth L1's derivative with twice the slope",
        derivative(lambda dA, A: 2 * dA),
        Site(CASE + "weighted_losses.weighted_smooth_l1"),
        where=FILE + "weighted_losses:weighted_smooth_l1",
    ),
    row(
        "a pixel more in width and height",
        lambda iou: lambda B, D: iou(B + np.array([0, 0, 1, 1]), D + np.array([0, 0, 1, 1])),
        Site(CASE + "boxes.iou"),
        where=FILE + "boxes:iou",
        bites="forward",
    ),
]
