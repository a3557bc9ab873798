"""Network in network: after each convolution a small dense net at every pixel; the logits are means of class maps."""

import torch
from torch import nn

from torch_impl.checks import images
from torch_impl.layers.conv import Conv
from torch_impl.layers.dropout import Dropout
from torch_impl.layers.pooling import AveragePool, GlobalAveragePool, MaxPool


class MLPConv(nn.Module):
    def __init__(self, c_prev: int, channels: tuple[int, int, int], f: int):
        super().__init__()
        c1, c2, c3 = channels
        self.conv1 = Conv(c_prev, c1, f, padding="same")
        self.conv2 = Conv(c1, c2, 1)
        self.conv3 = Conv(c2, c3, 1)

    def forward(self, x):
        for conv in (self.conv1, self.conv2, self.conv3):
            x = torch.relu(conv(x))
        return x


class NetworkInNetwork(nn.Module):
    def __init__(
        self,
        num_classes: int = 10,
        keep_prob: float = 0.5,
        c_prev: int = 3,
        channels: tuple[tuple[int, ...], ...] = ((192, 160, 96), (192, 192, 192), (192, 192)),
    ):
        super().__init__()
        first, second, last = channels
        self.c_prev = c_prev
        self.mlpconv1 = MLPConv(c_prev, first, 5)
        self.pool1 = MaxPool(3, stride=2, padding=1)
        self.dropout1 = Dropout(keep_prob)
        self.mlpconv2 = MLPConv(first[-1], second, 5)
        self.pool2 = AveragePool(3, stride=2, padding=1)
        self.dropout2 = Dropout(keep_prob)
        self.mlpconv3 = MLPConv(second[-1], (*last, num_classes), 3)
        self.avgpool = GlobalAveragePool()

    def forward(self, x):
        images(x, self.c_prev, at_least=4)
        x = self.dropout1(self.pool1(self.mlpconv1(x)))
        x = self.dropout2(self.pool2(self.mlpconv2(x)))
        return self.avgpool(self.mlpconv3(x))
