"""Transposed convolution: `nn.ConvTranspose2d`, whose padding crops and which never flips the filter.

It crops both sides alike; where they differ, the crop is a padding with negative numbers.
"""

import torch.nn.functional as F
from torch import nn

from torch_impl.layers.padding import pads


class ConvTranspose(nn.ConvTranspose2d):
    def __init__(
        self,
        c_prev: int,
        c: int,
        f: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple = 0,
        output_padding: int | tuple[int, int] = 0,
        bias: bool = True,
    ):
        super().__init__(c_prev, c, f, stride=stride, padding=0, output_padding=output_padding, bias=bias)
        self.padding = padding

    def forward(self, x):
        (top, bottom), (left, right) = pads(self.padding, (1, 1))
        if (top, left) == (bottom, right):
            return F.conv_transpose2d(x, self.weight, self.bias, self.stride, (top, left), self.output_padding)
        y = F.conv_transpose2d(x, self.weight, self.bias, self.stride, 0, self.output_padding)
        return F.pad(y, (-left, -right, -top, -bottom))
