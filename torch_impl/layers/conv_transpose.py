"""Transposed convolution: `nn.ConvTranspose2d`, whose padding crops and which never flips the filter.

It crops both sides alike; where they differ, the crop is a padding with negative numbers.
"""

import torch.nn.functional as F
from torch import nn

from torch_impl.layers.padding import border


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
        border(padding)
        self.padding = padding

    def forward(self, x):
        (top, bottom), (left, right) = border(self.padding)
        if (top, left) == (bottom, right):
            y = F.conv_transpose2d(x, self.weight, self.bias, self.stride, (top, left), self.output_padding)
        else:
            y = F.conv_transpose2d(x, self.weight, self.bias, self.stride, 0, self.output_padding)
            y = F.pad(y, (-left, -right, -top, -bottom))
        if 0 in y.shape[2:]:
            raise ValueError(f"padding is {self.padding}; expected to leave a pixel of the output, which it crops")
        return y
