"""The notes' identity block and convolutional block, with the padding and epsilon of the assignment (TensorFlow's)."""

import torch
from torch import nn

from torch_impl.layers.batch_norm_2d import BatchNorm2d
from torch_impl.layers.conv import Conv

EPSILON = 1e-3


class IdentityBlock(nn.Module):
    projects = False

    def __init__(self, c_prev: int, filters: tuple[int, int, int], f: int = 3):
        super().__init__()
        c1, c2, c3 = filters
        if not self.projects and c_prev != c3:
            raise ValueError(f"c_prev is {c_prev}; expected filters[2] = {c3}, as x itself is added to what comes out")
        self.conv1 = Conv(c_prev, c1, 1, bias=False)
        self.bn1 = BatchNorm2d(c1, epsilon=EPSILON)
        self.conv2 = Conv(c1, c2, f, padding="same_tf", bias=False)
        self.bn2 = BatchNorm2d(c2, epsilon=EPSILON)
        self.conv3 = Conv(c2, c3, 1, bias=False)
        self.bn3 = BatchNorm2d(c3, epsilon=EPSILON)

    def main(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(self.bn2(self.conv2(x)))
        return self.bn3(self.conv3(x))

    def forward(self, x):
        return torch.relu(self.main(x) + x)


class ConvolutionalBlock(IdentityBlock):
    projects = True

    def __init__(self, c_prev: int, filters: tuple[int, int, int], f: int = 3, stride: int = 2):
        super().__init__(c_prev, filters, f)
        c1, _, c3 = filters
        self.conv1 = Conv(c_prev, c1, 1, stride, bias=False)
        self.downsample = nn.Sequential(Conv(c_prev, c3, 1, stride, bias=False), BatchNorm2d(c3, epsilon=EPSILON))

    def forward(self, x):
        return torch.relu(self.main(x) + self.downsample(x))
