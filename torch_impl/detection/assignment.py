"""Which slot of the grid is responsible for which object; objects (m, n, 5) are rows x y w h class, -1 for none.

An object belongs to the cell that its centre lies in, left and upper edge included. One after the other, each takes of
the free slots of its cells that whose anchor fits its size best by IoU, the first of equal ones, or none if none is
free.
"""

import torch

from torch_impl.detection.anchors import size_iou, slots_for
from torch_impl.detection.checks import objects


def assign(truth, size, strides, anchors):
    """The index of the object that each slot holds, -1 for none (m, s)."""
    table = slots_for(truth, size, strides, anchors)
    fits = size_iou(truth[..., 2:4], table[:, 3:])
    inside = holds(truth, table, size)
    owner = torch.full((len(truth), len(table)), -1, device=truth.device)
    places = torch.arange(len(table), device=truth.device)
    for j in range(truth.shape[1]):
        open_to = inside[:, j] & (owner < 0)
        best = fits[:, j].masked_fill(~open_to, -1).argmax(dim=1, keepdim=True)
        owner = torch.where(open_to & (places == best), j, owner)
    return owner


def holds(truth, table, size):
    """Whether the object is one, and its centre in the slot's cell: (m, n, s)."""
    column, row, stride = table.T[:3]
    within = truth[..., 4:5] >= 0
    for edge, v, limit in zip((column, row), (truth[..., 0:1], truth[..., 1:2]), size[::-1]):
        at_the_end = (v == limit) & ((edge + 1) * stride == limit)
        within = within & (edge * stride <= v) & ((v < (edge + 1) * stride) | at_the_end)
    return within


def targets(truth, size, strides, anchors, count):
    """The notes' p_c b_x b_y b_h b_w c_1 .. c_k of each slot (m, s, 5 + k), zeros where there is no object."""
    objects("truth", truth, size, count)
    owner = assign(truth, size, strides, anchors)
    column, row, stride, _, _ = slots_for(truth, size, strides, anchors).T
    x, y, w, h, kind = held(truth, owner)
    box = [x / stride - column, y / stride - row, h / stride, w / stride]
    classes = [(kind == i).to(x) for i in range(count)]
    return torch.stack([torch.ones_like(x), *box, *classes], dim=-1) * (owner >= 0)[..., None]


def held(truth, owner):
    """The five numbers, each (m, s), of the object that a slot holds; of any object where it holds none."""
    if truth.shape[1] == 0:
        return [torch.zeros_like(owner).to(truth)] * 5
    index = owner.clamp(min=0)[..., None].expand(-1, -1, 5)
    return truth.gather(1, index).unbind(-1)
