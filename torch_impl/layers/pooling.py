"""Pooling. The stride is the window if not given; a window that would reach over the edge is dropped.

Max pool pads with -inf; average pool leaves the padding out of its count unless told (PyTorch's default counts it).
Of several equal maxima the first in row-major order gets the gradient.
"""

import torch
import torch.nn.functional as F
from torch import nn

from torch_impl.checks import floats
from torch_impl.layers.padding import pads, pair


class MaxPool(nn.Module):
    def __init__(
        self,
        f: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: str | int | tuple = "valid",
    ):
        super().__init__()
        self.f, self.stride, self.padding = pair(f), pair(f if stride is None else stride), padding

    def forward(self, x):
        floats(x)
        (top, bottom), (left, right) = _sides(self, x.shape[2:])
        if (top, left) != (bottom, right):
            x, top, left = F.pad(x, (left, right, top, bottom), value=-torch.inf), 0, 0
        return F.max_pool2d(x, self.f, self.stride, (top, left))


class AveragePool(nn.Module):
    def __init__(
        self,
        f: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: str | int | tuple = "valid",
        count_padding: bool = False,
    ):
        super().__init__()
        self.f, self.stride, self.padding = pair(f), pair(f if stride is None else stride), padding
        self.count_padding = count_padding

    def forward(self, x):
        floats(x)
        (top, bottom), (left, right) = _sides(self, x.shape[2:])
        if (top, left) == (bottom, right):
            return F.avg_pool2d(x, self.f, self.stride, (top, left), count_include_pad=self.count_padding)
        sides = left, right, top, bottom
        y = F.avg_pool2d(F.pad(x, sides), self.f, self.stride)
        if self.count_padding:
            return y
        return y / F.avg_pool2d(F.pad(torch.ones_like(x[:1, :1]), sides), self.f, self.stride)


class GlobalAveragePool(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, x):
        floats(x)
        return x.mean(dim=(2, 3))


def _sides(pool, size):
    """The padding on images of (h, w) = size: at most half a window, so that none lies wholly in it."""
    sides = pads(pool.padding, pool.f, pool.stride, size=size)
    if any(max(side) > n // 2 for side, n in zip(sides, pool.f)):
        raise ValueError(f"padding is {sides}; expected at most half the window, which is {pool.f}")
    return sides
