"""The notes' example of a convolutional network: three convolutions and a dense layer, returning the logits."""

import torch
from torch import nn

from torch_impl.checks import images, maps
from torch_impl.layers.conv import Conv
from torch_impl.layers.dense import Dense
from torch_impl.layers.flatten import Flatten

STEPS = ((3, 1, 0), (5, 2, 0), (5, 2, 0))
"""(f, stride, padding) of the convolutions and pools that lie before the dense layers."""


class ConvNet(nn.Module):
    def __init__(
        self,
        num_classes: int = 10,
        c_prev: int = 3,
        channels: tuple[int, int, int] = (10, 20, 40),
        h: int = 7,
        w: int = 7,
    ):
        super().__init__()
        self.c_prev, self.size = c_prev, (h, w)
        c1, c2, c3 = channels
        self.conv1 = Conv(c_prev, c1, 3)
        self.conv2 = Conv(c1, c2, 5, stride=2)
        self.conv3 = Conv(c2, c3, 5, stride=2)
        self.flatten = Flatten()
        self.fc = Dense(c3 * h * w, num_classes)

    def forward(self, x):
        images(x, self.c_prev)
        maps(x, self.size, STEPS)
        for conv in (self.conv1, self.conv2, self.conv3):
            x = torch.relu(conv(x))
        return self.fc(self.flatten(x))
