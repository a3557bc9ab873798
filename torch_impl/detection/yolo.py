"""A small YOLO: a residual backbone, and heads at two scales, whose numbers are ordered by slot (m, s, 5 + k)."""

from itertools import chain, pairwise

import torch
import torch.nn.functional as F
from torch import nn

from torch_impl.checks import images
from torch_impl.layers.batch_norm_2d import BatchNorm2d
from torch_impl.layers.conv import Conv
from torch_impl.layers.upsampling import Upsample


class ConvUnit(nn.Module):
    def __init__(self, c_prev: int, c: int, f: int = 3, stride: int = 1):
        super().__init__()
        self.conv = Conv(c_prev, c, f, stride, padding=f // 2, bias=False)
        self.bn = BatchNorm2d(c)

    def forward(self, x):
        return F.leaky_relu(self.bn(self.conv(x)), negative_slope=0.1)


class DarknetBlock(nn.Module):
    def __init__(self, c: int):
        super().__init__()
        self.reduce = ConvUnit(c, c // 2, 1)
        self.expand = ConvUnit(c // 2, c)

    def forward(self, x):
        return x + self.expand(self.reduce(x))


def stage(c_prev, c, blocks):
    return [ConvUnit(c_prev, c, stride=2), *(DarknetBlock(c) for _ in range(blocks))]


class Yolo(nn.Module):
    def __init__(
        self,
        num_classes: int,
        boxes: int = 2,
        widths: tuple[int, ...] = (16, 32, 64, 128, 256),
        blocks: int = 1,
        c_prev: int = 3,
    ):
        super().__init__()
        self.num_classes, self.c_prev, self.stride = num_classes, c_prev, 2 ** (len(widths) - 1)
        *_, c_fine, c = widths
        *stages, last = [stage(*pair, blocks) for pair in pairwise(widths)]
        numbers = boxes * (5 + num_classes)
        self.fine = nn.Sequential(ConvUnit(c_prev, widths[0]), *chain(*stages))
        self.coarse = nn.Sequential(*last)
        self.widen = ConvUnit(c, c)
        self.coarse_head = Conv(c, numbers, 1)
        self.lateral = ConvUnit(c, c_fine, 1)
        self.up = Upsample(2)
        self.merge = ConvUnit(2 * c_fine, c_fine)
        self.fine_head = Conv(c_fine, numbers, 1)

    def forward(self, x):
        images(x, self.c_prev)
        if any(n % self.stride for n in x.shape[2:]):
            raise ValueError(f"x has shape {tuple(x.shape)}; expected a height and width divisible by {self.stride}")
        sharp = self.fine(x)
        deep = self.coarse(sharp)
        z_coarse = self.coarse_head(self.widen(deep))
        z_fine = self.fine_head(self.merge(torch.cat([sharp, self.up(self.lateral(deep))], dim=1)))
        return torch.cat([self.rows(z_fine), self.rows(z_coarse)], dim=1)

    def rows(self, z):
        """m (a v) h w as m (h w a) v"""
        return z.movedim(1, 3).flatten(1).unflatten(1, (-1, 5 + self.num_classes))
