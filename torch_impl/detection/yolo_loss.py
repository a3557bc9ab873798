"""The loss of a YOLO detector, a mean over the images of a sum over the slots: box, confidence and class.

Only slots that hold an object have a box and a class to learn. The others learn that they hold none, with the weight
`no_object_weight`, unless their box overlaps some object by more than `ignore`.
"""

import torch
import torch.nn.functional as F

from torch_impl.checks import non_negative
from torch_impl.detection.assignment import targets
from torch_impl.detection.box_losses import ciou_loss, giou_loss
from torch_impl.detection.boxes import center_from_grid, corner_from_center, iou
from torch_impl.detection.checks import fraction
from torch_impl.detection.yolo_head import decode, table_for

BOX_LOSSES = {"giou": giou_loss, "ciou": ciou_loss}


def yolo_loss(
    z, truth, size, strides, anchors, coordinate_weight=5.0, no_object_weight=0.5, ignore=0.5, regression="squared"
):
    if regression not in ("squared", *BOX_LOSSES):
        raise ValueError(f"regression is {regression!r}; expected one of 'squared', 'giou', 'ciou'")
    non_negative("coordinate_weight", coordinate_weight)
    non_negative("no_object_weight", no_object_weight)
    fraction("ignore", ignore)
    target, table = targets(truth, size, strides, anchors, z.shape[2] - 5), table_for(z, size, strides, anchors)
    boxes, _, _ = decode(z, size, strides, anchors)
    present = target[..., 0] > 0
    weights = torch.where(ignored(boxes.detach(), truth, ignore), 0.0, no_object_weight).to(z)
    weights = torch.where(present, 1.0, weights)
    if regression == "squared":
        box = _squared_box(z, target, table, present)
    else:
        box = _overlap_box(boxes, target, table, present, BOX_LOSSES[regression])
    confidence = F.binary_cross_entropy_with_logits(z[..., 0], present.to(z), weight=weights, reduction="none")
    classes = -(target[..., 5:] * torch.log_softmax(z[..., 5:], dim=-1)).sum(dim=-1)
    return (coordinate_weight * torch.where(present, box, 0) + confidence + classes).sum() / len(z)


def ignored(boxes, truth, ignore):
    """Whether a slot's box overlaps any object by more: (m, s)."""
    real = torch.where(truth[..., 4:] >= 0, truth[..., :4], 0)  # empty: no overlap
    return (iou(boxes, corner_from_center(real)) > ignore).any(dim=2)


def _squared_box(z, target, table, present):
    """Half the squares (m, s) of what is off in sigmoid(t_x), sigmoid(t_y), t_h and t_w."""
    _, _, stride, anchor_w, anchor_h = table.T
    size = torch.where(present[..., None], target[..., 3:5], 1) * torch.stack(
        [stride / anchor_h, stride / anchor_w], -1
    )
    off = torch.cat([torch.sigmoid(z[..., 1:3]) - target[..., 1:3], z[..., 3:5] - torch.log(size)], dim=-1)
    return off.square().sum(dim=-1) / 2


def _overlap_box(boxes, target, table, present, loss):
    """A loss of corners, with boxes of size 1 where no object is."""
    column, row, stride, _, _ = table.T
    truth = center_from_grid(torch.stack([row, column], dim=-1), target[..., 1:5], stride[:, None])
    unit = boxes.new_tensor([0, 0, 1, 1])
    boxes, truth = (torch.where(present[..., None], b, unit) for b in (boxes, corner_from_center(truth)))
    return loss(boxes.flatten(0, 1), truth.flatten(0, 1)).view(present.shape)
