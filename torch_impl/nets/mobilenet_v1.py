"""MobileNet v1, returning the logits: depthwise separable convolutions."""

from math import prod

import torch
from torch import nn

from torch_impl.checks import images
from torch_impl.layers.batch_norm_2d import BatchNorm2d
from torch_impl.layers.conv import Conv
from torch_impl.layers.dense import Dense
from torch_impl.layers.pooling import GlobalAveragePool

BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *5 * ((512, 1),), (1024, 2), (1024, 1))


class DepthwiseSeparable(nn.Module):
    def __init__(self, c_prev: int, c: int, stride: int = 1):
        super().__init__()
        self.depthwise = Conv(c_prev, c_prev, 3, stride, padding=1, groups=c_prev, bias=False)
        self.bn1 = BatchNorm2d(c_prev)
        self.pointwise = Conv(c_prev, c, 1, bias=False)
        self.bn2 = BatchNorm2d(c)

    def forward(self, x):
        x = torch.relu(self.bn1(self.depthwise(x)))
        return torch.relu(self.bn2(self.pointwise(x)))


class MobileNetV1(nn.Module):
    def __init__(
        self,
        num_classes: int = 1000,
        width: float = 1.0,
        c_prev: int = 3,
        stem: int = 32,
        blocks: tuple[tuple[int, int], ...] = BLOCKS,
    ):
        super().__init__()
        if int(width * min(stem, *(c for c, _ in blocks))) < 1:
            raise ValueError(f"width is {width}; expected a factor that leaves every layer a channel")
        c = int(width * stem)
        self.c_prev, self.stride = c_prev, 2 * prod(stride for _, stride in blocks)
        self.conv = Conv(c_prev, c, 3, stride=2, padding=1, bias=False)
        self.bn = BatchNorm2d(c)
        self.blocks = nn.Sequential()
        for channels, stride in blocks:
            self.blocks.append(DepthwiseSeparable(c, int(width * channels), stride))
            c = int(width * channels)
        self.avgpool = GlobalAveragePool()
        self.fc = Dense(c, num_classes)

    def forward(self, x):
        images(x, self.c_prev, at_least=self.stride)
        x = torch.relu(self.bn(self.conv(x)))
        return self.fc(self.avgpool(self.blocks(x)))
