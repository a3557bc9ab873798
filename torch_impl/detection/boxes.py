"""Boxes: their forms, areas and overlaps, and their way from an image to the network's and back.

    corner   x1 y1 x2 y2          center   x y w h          grid   b_x b_y b_h b_w, in cells of `stride` pixels

A box is a row (.., k, 4), x points right and y down, in pixels. A centre on a border of cells belongs to the cell right
of it or below it, one on the image's right or lower edge to the last cell.
"""

import torch

from torch_impl.detection.checks import corners, image_size, rows_of_four


def corner_from_center(boxes):
    rows_of_four("boxes", boxes)
    middle, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([middle - size / 2, middle + size / 2], dim=-1)


def center_from_corner(boxes):
    rows_of_four("boxes", boxes)
    near, far = boxes[..., :2], boxes[..., 2:]
    return torch.cat([(near + far) / 2, far - near], dim=-1)


def grid_from_center(boxes, stride, grid):
    """The row and column (.., k, 2) of each centre's cell, of the (h, w) = grid, and the box as seen from it."""
    rows_of_four("boxes", boxes)
    x, y, w, h = (boxes / stride).unbind(-1)
    row, column = (torch.floor(v).clamp(max=n - 1) for v, n in zip((y, x), grid))
    return torch.stack([row, column], dim=-1), torch.stack([x - column, y - row, h, w], dim=-1)


def center_from_grid(cell, boxes, stride):
    rows_of_four("boxes", boxes)
    b_x, b_y, b_h, b_w = boxes.unbind(-1)
    return torch.stack([b_x + cell[..., 1], b_y + cell[..., 0], b_w, b_h], dim=-1) * stride


def area(boxes):
    rows_of_four("boxes", boxes)
    x1, y1, x2, y2 = boxes.unbind(-1)
    return (x2 - x1) * (y2 - y1)


def intersection(boxes, others):
    """The common area of every box (.., k, 4) with every one of the others (.., j, 4): (.., k, j)."""
    boxes, others = boxes[..., :, None, :], others[..., None, :, :]
    sides = torch.minimum(boxes[..., 2:], others[..., 2:]) - torch.maximum(boxes[..., :2], others[..., :2])
    return sides.clamp(min=0).prod(dim=-1)


def iou(boxes, others):
    """Of every box (.., k, 4) with every one of the others (.., j, 4): (.., k, j)."""
    corners("boxes", boxes)
    corners("others", others)
    common = intersection(boxes, others)
    union = area(boxes)[..., :, None] + area(others)[..., None, :] - common
    return common / torch.where(union > 0, union, 1)


def clip(boxes, image):
    """The part of each box inside the image of (height, width)."""
    corners("boxes", boxes)
    image_size("image", image)
    limits = boxes.new_tensor(image[::-1] * 2)
    return torch.minimum(boxes.clamp(min=0), limits)


def letterbox(boxes, image, network):
    """Boxes in an image of (height, width) as they are in the network's image that it is fitted into."""
    rows_of_four("boxes", boxes)
    scale, margins = fit(image, network)
    return boxes * scale + boxes.new_tensor(margins)


def unletterbox(boxes, image, network):
    rows_of_four("boxes", boxes)
    scale, margins = fit(image, network)
    return (boxes - boxes.new_tensor(margins)) / scale


def fit(image, network):
    """The scale, and the margins left, top, left, top."""
    image_size("image", image)
    image_size("network", network)
    scale = min(n / size for n, size in zip(network, image))
    top, left = ((n - scale * size) / 2 for n, size in zip(network, image))
    return scale, (left, top, left, top)
