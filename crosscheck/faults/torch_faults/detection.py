"""Mistakes in torch_impl/detection."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from math import inf
from types import SimpleNamespace
from typing import Any

import torch

from crosscheck.faults.catalogue import Replacement, Site, rows

FILE = "torch_impl.detection."
CASE = "detection."

head = rows("torch", "YOLO head", where=FILE + "yolo_head:decode")
loss = rows("torch", "YOLO loss")
net = rows("torch", "YOLO net", bites="wiring")
assignment = rows("torch", "assignment")
boxes = rows("torch", "boxes")
regions = rows("torch", "region head")
scoring = rows("torch", "detection scoring")

DECODE = Site(CASE + "yolo_head.decode"), Site(CASE + "yolo_head.decode/scales")


def given(change: Callable[[Any], Any]) -> Replacement:
    """The function, of something else than its first argument."""
    return lambda original: lambda first, *args, **kwargs: original(change(first), *args, **kwargs)


def with_names(**other: Any) -> Replacement:
    """A module as one file sees it, with some of its names meaning something else."""
    return lambda module: SimpleNamespace(**{**vars(module), **other})


def weight_on_objects(z: Any, y: Any, weight: Any, reduction: str) -> Any:
    swapped = torch.where(y > 0, 0.5, (weight > 0).to(z))
    return swapped * torch.nn.functional.binary_cross_entropy_with_logits(z, y, reduction=reduction)


def last_first(assign: Any) -> Any:
    def faulty(truth: Any, *grid: Any) -> Any:
        owner = assign(truth.flip(1), *grid)
        return torch.where(owner >= 0, truth.shape[1] - 1 - owner, -1)

    return faulty


def area_below_the_curve(precision: Any, recall: Any, kind: str = "all-point") -> Any:
    return (recall.diff(prepend=recall.new_zeros(1)) * precision).sum()


def scaled_by_axis(boxes: Any, image: Any, network: Any) -> Any:
    return boxes * boxes.new_tensor([network[1] / image[1], network[0] / image[0]] * 2)


def probabilities_by_hand(decode: Any) -> Any:
    def sound(z: Any, *grid: Any, **named: Any) -> Any:
        E = torch.exp(z[..., 5:])
        return decode(z, *grid, **named)[0], 1 / (1 + torch.exp(-z[..., 0])), E / E.sum(-1, keepdim=True)

    return sound


FAULTS = [
    head("x and y swapped", given(lambda z: z[..., [0, 2, 1, *range(3, z.shape[2])]]), *DECODE),
    head(
        "width and height of the anchors swapped",
        lambda slots_for: lambda *given: slots_for(*given)[:, [0, 1, 2, 4, 3]],
        *DECODE,
        where=FILE + "yolo_head:slots_for",
    ),
    head(
        "exponent of a size cut off",
        given(lambda z: torch.cat([z[..., :3], z[..., 3:5].clamp(max=0.5), z[..., 5:]], dim=-1)),
        *DECODE,
    ),
    head("softmax and sigmoid by exponentials", probabilities_by_hand, *DECODE, bites="nothing"),
    loss(
        "the weight of empty slots on those with an object",
        with_names(binary_cross_entropy_with_logits=weight_on_objects),
        Site(CASE + "yolo_loss.yolo_loss"),
        where=FILE + "yolo_loss:F",
    ),
    loss(
        "the weight of CIoU's aspect is differentiated",
        with_names(no_grad=nullcontext),
        Site(CASE + "box_losses.ciou_loss"),
        where=FILE + "box_losses:torch",
        bites="gradient",
    ),
    loss(
        "a box where no object is counts",
        lambda _: lambda a, y: (a - y).square().sum() / len(a),
        Site(CASE + "localization.localization_loss"),
        where=FILE + "localization:localization_loss",
    ),
    net(
        "slots anchor by anchor, not cell by cell",
        lambda rows: lambda self, z: z.unflatten(1, (-1, 5 + self.num_classes)).permute(0, 1, 3, 4, 2).flatten(1, 3),
        Site(CASE + "yolo.Yolo"),
        Site(CASE + "yolo.Yolo/wide"),
        where=FILE + "yolo:Yolo.rows",
    ),
    net(
        "the library's own slope",
        with_names(leaky_relu=lambda x, negative_slope: torch.nn.functional.leaky_relu(x)),
        Site(CASE + "yolo.ConvUnit"),
        where=FILE + "yolo:F",
        bites="forward",
    ),
    net(
        "an activation after the sum",
        lambda forward: lambda self, x: torch.relu(forward(self, x)),
        Site(CASE + "yolo.DarknetBlock"),
        where=FILE + "yolo:DarknetBlock.forward",
    ),
    assignment(
        "the last object has the first turn",
        last_first,
        Site(CASE + "assignment.targets/crowded"),
        where=FILE + "assignment:assign",
    ),
    boxes(
        "letterbox by another scale for each axis",
        lambda _: scaled_by_axis,
        Site(CASE + "boxes.letterbox"),
        where=FILE + "boxes:letterbox",
    ),
    boxes(
        "sizes of deltas not cut off",
        lambda _: inf,
        Site(CASE + "box_deltas.decode/cut-off"),
        where=FILE + "box_deltas:LIMIT",
    ),
    scoring(
        "suppression across classes",
        lambda survivors: lambda boxes, scores, classes=None, threshold=0.5: survivors(boxes, scores, None, threshold),
        Site(CASE + "suppression.survivors/classes"),
        where=FILE + "suppression:survivors",
    ),
    scoring(
        "precision not the best at that recall or beyond",
        lambda _: area_below_the_curve,
        Site(CASE + "evaluation.average_precision"),
        where=FILE + "evaluation:average_precision",
    ),
    regions(
        "RoIAlign without the half pixel",
        lambda weights: lambda near, far, *more: weights(near + 0.5, far + 0.5, *more),
        Site(CASE + "roi.roi_align"),
        Site(CASE + "roi.roi_align/scale"),
        where=FILE + "roi:interpolation",
    ),
    regions(
        "background as the last class, not the first",
        lambda cost: lambda scores, y, w: cost(scores, y.roll(-1, 1), w),
        Site(CASE + "fast_rcnn.fast_rcnn_loss"),
        where=FILE + "fast_rcnn:weighted_cross_entropy",
    ),
    regions(
        "objectness averaged over all anchors, not over the sampled",
        lambda cost: lambda z, y, w: cost(z, y, (w > 0) / z.numel()),
        Site(CASE + "proposals.rpn_loss/sampled"),
        where=FILE + "proposals:weighted_logistic_loss",
    ),
    regions(
        "proposals reach over the image",
        lambda inside: lambda boxes, image: boxes,
        Site(CASE + "proposals.propose"),
        where=FILE + "proposals:inside",
    ),
]
