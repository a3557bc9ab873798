"""Mistakes in jax_impl/detection."""

from __future__ import annotations

from functools import wraps
from typing import Any

import jax.numpy as jnp

from crosscheck.faults.catalogue import Site, rows

FILE = "jax_impl.detection."
CASE = "detection."

head = rows("jax", "YOLO head", where=FILE + "yolo_head:slots_for")
loss = rows("jax", "YOLO loss")
net = rows("jax", "YOLO net", bites="wiring")
assignment = rows("jax", "assignment")
boxes = rows("jax", "boxes")
regions = rows("jax", "region head")
scoring = rows("jax", "detection scoring")

DECODE = Site(CASE + "yolo_head.decode"), Site(CASE + "yolo_head.decode/scales")
PIXEL = (0, 0, 1, 1)


def without_sigmoid(decode: Any) -> Any:
    def faulty(z: Any, *grid: Any, **named: Any) -> Any:
        boxes, _, classes = decode(z, *grid, **named)
        return boxes, z[..., 0], classes

    return faulty


def coarse_first(call: Any) -> Any:
    """Of two scales with equally many boxes a cell, four fifths of the slots are on the fine one."""

    def faulty(self: Any, x: Any) -> Any:
        z = call(self, x)
        return jnp.roll(z, z.shape[1] // 5, axis=1)

    return faulty


FAULTS = [
    head(
        "cells counted from one",
        lambda slots_for: lambda *given: slots_for(*given).at[:, :2].add(1),
        *DECODE,
    ),
    head(
        "anchors in cells instead of pixels",
        lambda slots_for: lambda *given: (table := slots_for(*given)).at[:, 3:].multiply(table[:, 2:3]),
        *DECODE,
    ),
    head("no sigmoid on p_c", without_sigmoid, *DECODE, where=FILE + "yolo_head:decode"),
    loss(
        "no slot is ignored",
        lambda _: lambda boxes, truth, ignore: jnp.zeros(boxes.shape[:2], bool),
        Site(CASE + "yolo_loss.yolo_loss/ignore"),
        where=FILE + "yolo_loss:ignored",
    ),
    loss(
        "GIoU's hull as if the boxes lay side by side",
        lambda _: lambda boxes, targets: sum(b[:, 2:] - b[:, :2] for b in (boxes, targets)),
        Site(CASE + "box_losses.giou_loss"),
        Site(CASE + "yolo_loss.yolo_loss/giou"),
        where=FILE + "box_losses:_hull",
    ),
    loss(
        "smooth L1 as Huber's loss",
        lambda smooth: lambda a, y, w, beta=1.0: beta * smooth(a, y, w, beta),
        Site(CASE + "weighted_losses.weighted_smooth_l1/narrow"),
        where=FILE + "weighted_losses:weighted_smooth_l1",
    ),
    net(
        "the coarse scale first",
        coarse_first,
        Site(CASE + "yolo.Yolo"),
        Site(CASE + "yolo.Yolo/wide"),
        where=FILE + "yolo:Yolo.__call__",
    ),
    assignment(
        "a centre on a border belongs to the left and above",
        lambda holds: lambda truth, *more: holds(truth - jnp.array([1e-6, 1e-6, 0, 0, 0]), *more),
        Site(CASE + "assignment.targets/borders"),
        where=FILE + "assignment:holds",
    ),
    boxes(
        "a pixel more in width and height",
        lambda iou: lambda boxes, others: iou(boxes + jnp.array(PIXEL), others + jnp.array(PIXEL)),
        Site(CASE + "boxes.iou"),
        where=FILE + "boxes:iou",
    ),
    boxes(
        "deltas divided by their weights",
        lambda encode: lambda boxes, anchors, weights=(1, 1, 1, 1): encode(boxes, anchors, [1 / w for w in weights]),
        Site(CASE + "box_deltas.encode/weights"),
        where=FILE + "box_deltas:encode",
    ),
    scoring(
        "a box at the threshold is dropped",
        lambda survivors: (
            lambda boxes, scores, classes=None, threshold=0.5: survivors(boxes, scores, classes, threshold - 1e-9)
        ),
        Site(CASE + "suppression.survivors/ties", rung="exact"),
        where=FILE + "suppression:survivors",
    ),
    scoring(
        "soft suppression below the threshold too",
        lambda soft: wraps(soft)(lambda *scored, **settings: soft(*scored, **settings | {"threshold": 0.0})),
        Site(CASE + "suppression.soft_suppression/linear"),
        where=FILE + "suppression:soft_suppression",
    ),
    regions(
        "corners cut to pixels, not rounded",
        lambda bins: lambda near, far, *more: bins(jnp.floor(near), jnp.floor(far), *more),
        Site(CASE + "roi.roi_max_pool"),
        Site(CASE + "roi.roi_max_pool/scale"),
        where=FILE + "roi:bins",
    ),
    regions(
        "gradient shared among equal maxima",
        lambda _: lambda values, axis: values.max(axis=axis),
        Site(CASE + "roi.roi_max_pool/ties", rung="exact"),
        where=FILE + "roi:_largest",
        bites="gradient",
    ),
    regions(
        "no anchor is rescued for an object that fits none",
        lambda match: lambda *given: match(*given, rescue=False),
        Site(CASE + "proposals.rpn_loss"),
        where=FILE + "proposals:match",
    ),
    regions(
        "sides of an overlap multiplied one by one",
        lambda _: lambda boxes, others: sides(boxes, others)[0] * sides(boxes, others)[1],
        Site(CASE + "boxes.iou"),
        Site(CASE + "suppression.survivors"),
        where=FILE + "boxes:intersection",
        bites="nothing",
    ),
]


def sides(boxes: Any, others: Any) -> list[Any]:
    pairs = [(boxes[..., :, None, i], others[..., None, :, i]) for i in range(4)]
    (x1, u1), (y1, v1), (x2, u2), (y2, v2) = pairs
    return [
        jnp.maximum(jnp.minimum(far, far2) - jnp.maximum(near, near2), 0)
        for near, near2, far, far2 in ((x1, u1, x2, u2), (y1, v1, y2, v2))
    ]
