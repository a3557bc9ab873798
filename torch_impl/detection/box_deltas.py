"""Box deltas: boxes (.., k, 4) as seen from anchors or proposals, one for each; the exponent of a size is cut off."""

import math

import torch

from torch_impl.detection.boxes import center_from_corner, corner_from_center
from torch_impl.detection.checks import finite, positive_corners, positive_weights, same_shape

LIMIT = math.log(1000 / 16)


def encode(boxes, anchors, weights=(1, 1, 1, 1)):
    compared("boxes", boxes, anchors, weights)
    positive_corners("boxes", boxes)
    (middle, size), (own_middle, own_size) = (center_from_corner(b).split(2, dim=-1) for b in (boxes, anchors.detach()))
    deltas = torch.cat([(middle - own_middle) / own_size, torch.log(size / own_size)], dim=-1)
    return deltas * deltas.new_tensor(weights)


def decode(deltas, anchors, weights=(1, 1, 1, 1)):
    compared("deltas", deltas, anchors, weights)
    shift, exponent = (deltas / deltas.new_tensor(weights)).split(2, dim=-1)
    middle, size = center_from_corner(anchors.detach()).split(2, dim=-1)
    boxes = torch.cat([middle + size * shift, size * torch.exp(exponent.clamp(max=LIMIT))], dim=-1)
    return corner_from_center(boxes)


def compared(name, x, anchors, weights):
    finite(name, x)
    positive_corners("anchors", anchors)
    same_shape(name, x, "anchors", anchors)
    positive_weights("weights", weights)
