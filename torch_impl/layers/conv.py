"""2-D convolution (cross-correlation): `nn.Conv2d`, with asymmetric padding done by `F.pad` beforehand."""

import torch.nn.functional as F
from torch import nn

from torch_impl.layers.padding import pads


class Conv(nn.Conv2d):
    def __init__(
        self,
        c_prev: int,
        c: int,
        f: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: str | int | tuple = "valid",
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
    ):
        super().__init__(c_prev, c, f, stride=stride, padding=0, dilation=dilation, groups=groups, bias=bias)
        self.padding = padding

    def forward(self, x):
        return self.correlate(x, self.weight)

    def correlate(self, x, weight):
        (top, bottom), (left, right) = pads(self.padding, self.kernel_size, self.stride, self.dilation, x.shape[2:])
        if (top, left) != (bottom, right):
            x, top, left = F.pad(x, (left, right, top, bottom)), 0, 0
        return F.conv2d(x, weight, self.bias, self.stride, (top, left), self.dilation, self.groups)
