"""ResNet, returning the logits; state-dict keys are those of torchvision's `resnet18` to `resnet152`.

The stride of a bottleneck is that of its 3x3 convolution, as in torchvision's weights ("v1.5"); Keras' have
it in the first 1x1.
"""

import torch
import torch.nn.functional as F
from torch import nn

from torch_impl.checks import images, one_of
from torch_impl.layers.activations import linear
from torch_impl.layers.batch_norm_2d import BatchNorm2d
from torch_impl.layers.conv import Conv
from torch_impl.layers.dense import Dense
from torch_impl.layers.pooling import GlobalAveragePool, MaxPool


class Subsample(nn.Module):
    """Every stride-th pixel, and channels of zeros after those of x."""

    def __init__(self, c_prev: int, c: int, stride: int):
        super().__init__()
        self.more, self.stride = c - c_prev, stride

    def forward(self, x):
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))


def nothing(x):
    return 0


def shortcut(skip, c_prev, c, stride):
    one_of("skip", skip, ("projection", "zeros", "none"))
    if skip == "none":
        return nothing
    if stride == 1 and c_prev == c:
        return linear
    if skip == "zeros":
        return Subsample(c_prev, c, stride)
    return nn.Sequential(Conv(c_prev, c, 1, stride, bias=False), BatchNorm2d(c))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, c_prev: int, c: int, stride: int = 1, skip: str = "projection"):
        super().__init__()
        self.conv1 = Conv(c_prev, c, 3, stride, padding=1, bias=False)
        self.bn1 = BatchNorm2d(c)
        self.conv2 = Conv(c, c, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(c)
        self.downsample = shortcut(skip, c_prev, c, stride)

    def forward(self, x):
        z = torch.relu(self.bn1(self.conv1(x)))
        z = self.bn2(self.conv2(z))
        return torch.relu(z + self.downsample(x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, c_prev: int, c: int, stride: int = 1, skip: str = "projection"):
        super().__init__()
        c_out = self.expansion * c
        self.conv1 = Conv(c_prev, c, 1, bias=False)
        self.bn1 = BatchNorm2d(c)
        self.conv2 = Conv(c, c, 3, stride, padding=1, bias=False)
        self.bn2 = BatchNorm2d(c)
        self.conv3 = Conv(c, c_out, 1, bias=False)
        self.bn3 = BatchNorm2d(c_out)
        self.downsample = shortcut(skip, c_prev, c_out, stride)

    def forward(self, x):
        z = torch.relu(self.bn1(self.conv1(x)))
        z = torch.relu(self.bn2(self.conv2(z)))
        z = self.bn3(self.conv3(z))
        return torch.relu(z + self.downsample(x))


BLOCKS = {"basic": BasicBlock, "bottleneck": Bottleneck}


class ResNet(nn.Module):
    def __init__(
        self,
        block: str,
        layers: tuple[int, ...],
        num_classes: int = 1000,
        widths: tuple[int, ...] = (64, 128, 256, 512),
        skip: str = "projection",
        small_images: bool = False,
        c_prev: int = 3,
    ):
        super().__init__()
        self.c_prev, self.stride = c_prev, (1 if small_images else 4) * 2 ** (len(layers) - 1)
        one_of("block", block, BLOCKS)
        c, Block = widths[0], BLOCKS[block]
        if small_images:
            self.conv1 = Conv(c_prev, c, 3, padding=1, bias=False)
        else:
            self.conv1 = Conv(c_prev, c, 7, stride=2, padding=3, bias=False)
        self.bn1 = BatchNorm2d(c)
        self.maxpool = None if small_images else MaxPool(3, stride=2, padding=1)
        self.stages = tuple(f"layer{i + 1}" for i in range(len(layers)))
        for name, count, width in zip(self.stages, layers, widths, strict=True):
            blocks = []
            for j in range(count):
                blocks.append(Block(c, width, 2 if name != "layer1" and j == 0 else 1, skip))
                c = width * Block.expansion
            setattr(self, name, nn.Sequential(*blocks))
        self.avgpool = GlobalAveragePool()
        self.fc = Dense(c, num_classes)

    def forward(self, x):
        images(x, self.c_prev, at_least=self.stride)
        x = torch.relu(self.bn1(self.conv1(x)))
        if self.maxpool is not None:
            x = self.maxpool(x)
        for name in self.stages:
            x = getattr(self, name)(x)
        return self.fc(self.avgpool(x))


def resnet18(num_classes=1000):
    return ResNet("basic", (2, 2, 2, 2), num_classes)


def resnet34(num_classes=1000):
    return ResNet("basic", (3, 4, 6, 3), num_classes)


def resnet50(num_classes=1000):
    return ResNet("bottleneck", (3, 4, 6, 3), num_classes)


def resnet101(num_classes=1000):
    return ResNet("bottleneck", (3, 4, 23, 3), num_classes)


def resnet152(num_classes=1000):
    return ResNet("bottleneck", (3, 8, 36, 3), num_classes)


def resnet_cifar(depth, num_classes=10, residual=True):
    """20, 32, 44, 56 or 110 layers: three stages of (depth - 2)/6 basic blocks; the plain net if not `residual`."""
    if depth < 8 or depth % 6 != 2:
        raise ValueError(f"depth is {depth}; expected 6 n + 2 layers, such as 20, 32, 44, 56 or 110")
    layers = 3 * ((depth - 2) // 6,)
    return ResNet("basic", layers, num_classes, (16, 32, 64), "zeros" if residual else "none", small_images=True)
