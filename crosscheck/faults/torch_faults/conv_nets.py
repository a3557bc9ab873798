"""Mistakes between sound convolutional layers: shortcuts, strides, the order of norm, sum and activation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from crosscheck.faults.catalogue import Replacement, Site, rows

BASIC, BOTTLENECK = "nets.resnet.BasicBlock", "nets.resnet.Bottleneck"
NET = Site("nets.resnet.ResNet/cifar", "layer1.0")

basic = rows("torch", "residual block", where="torch_impl.nets.resnet:BasicBlock.forward", bites="wiring")
bottleneck = rows("torch", "bottleneck", where="torch_impl.nets.resnet:Bottleneck.forward", bites="wiring")
subsample = rows("torch", "shortcut of zeros", where="torch_impl.nets.resnet:Subsample.forward")


def joined(join: Callable[..., Any]) -> Replacement:
    """A basic block that joins its main path z and its shortcut by join(self, z, x)."""

    def faulty(self: Any, x: Any) -> Any:
        return join(self, self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))), x)

    return lambda forward: faulty


def strided_first(self: Any, x: Any) -> Any:
    """A bottleneck whose first convolution has the stride of the second."""
    z = torch.relu(self.bn1(self.conv1(x)[:, :, ::2, ::2]))
    z = torch.relu(self.bn2(F.conv2d(z, self.conv2.weight, padding=1)))
    return torch.relu(self.bn3(self.conv3(z)) + self.downsample(x))


def strided_second(self: Any, x: Any) -> Any:
    """The notes' convolutional block with the stride of its first convolution in the second."""
    z = torch.relu(self.bn1(F.conv2d(x, self.conv1.weight)))
    z = torch.relu(self.bn2(self.conv2(z)[:, :, ::2, ::2]))
    return torch.relu(self.bn3(self.conv3(z)) + self.downsample(x))


def one_activation(self: Any, x: Any) -> Any:
    z = torch.relu(self.bn1(self.conv1(x)))
    return torch.relu(self.bn3(self.conv3(self.bn2(self.conv2(z)))) + self.downsample(x))


def one_norm(self: Any, x: Any) -> Any:
    z = torch.relu(self.bn1(self.conv1(x)))
    return torch.relu(self.bn1(self.conv2(z)) + self.downsample(x))


def pooled_first(self: Any, x: Any) -> Any:
    """LeNet with the activation after the pool; of the sigmoid-like, that changes the average."""
    x = self.activation(self.pool1(self.conv1(x)))
    x = self.activation(self.pool2(self.conv2(x)))
    x = self.activation(self.fc1(self.flatten(x)))
    return self.fc3(self.activation(self.fc2(x)))


FAULTS = [
    basic("shortcut dropped", joined(lambda self, z, x: torch.relu(z)), Site(BASIC), NET),
    basic(
        "shortcut added after the activation",
        joined(lambda self, z, x: torch.relu(z) + self.downsample(x)),
        Site(BASIC),
    ),
    basic("no activation after the sum", joined(lambda self, z, x: z + self.downsample(x)), Site(BASIC)),
    basic(
        "shortcut one part in a million too small",
        joined(lambda self, z, x: torch.relu(z + (1 - 1e-6) * self.downsample(x))),
        Site(BASIC),
    ),
    basic(
        "shortcut taken after an activation",
        joined(lambda self, z, x: torch.relu(z + self.downsample(torch.relu(x)))),
        Site(BASIC),
    ),
    basic(
        "shortcut's norm left out",
        joined(lambda self, z, x: torch.relu(z + self.downsample[0](x))),
        Site(BASIC),
    ),
    basic(
        "shortcut cut off from the gradient",
        joined(lambda self, z, x: torch.relu(z + self.downsample(x).detach())),
        Site(BASIC),
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    basic(
        "main path cut off from the gradient",
        joined(lambda self, z, x: torch.relu(z.detach() + self.downsample(x))),
        Site(BASIC),
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    basic("one norm used twice", lambda forward: one_norm, Site(BASIC)),
    basic(
        "shortcut added first",
        joined(lambda self, z, x: torch.relu(self.downsample(x) + z)),
        Site(BASIC),
        bites="nothing",
    ),
    bottleneck("stride in the first convolution", lambda forward: strided_first, Site(BOTTLENECK)),
    rows(
        "torch",
        "convolutional block",
        where="torch_impl.nets.residual_blocks:ConvolutionalBlock.forward",
        bites="wiring",
    )(
        "stride in the second convolution",
        lambda forward: strided_second,
        Site("nets.residual_blocks.ConvolutionalBlock"),
    ),
    bottleneck("second activation left out", lambda forward: one_activation, Site(BOTTLENECK)),
    subsample(
        "zeros before the channels",
        lambda forward: lambda self, x: F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.more, 0)),
        Site("nets.resnet.Subsample"),
        evidence=("channel-split-axis",),
    ),
    subsample(
        "mean of the pixels instead of the first",
        lambda forward: lambda self, x: F.pad(F.avg_pool2d(x, self.stride, ceil_mode=True), (0, 0, 0, 0, 0, self.more)),
        Site("nets.resnet.Subsample"),
    ),
    rows("torch", "ConvNet", where="torch_impl.nets.conv_net:ConvNet.forward", bites="wiring")(
        "image upside down",
        lambda forward: lambda self, x: forward(self, x.flip(2)),
        Site("nets.conv_net.ConvNet"),
        evidence=("image-reshape-instead-of-transpose",),
    ),
    rows("torch", "ConvNet", where="torch_impl.nets.conv_net:ConvNet.forward", bites="wiring")(
        "activation before the first convolution",
        lambda forward: lambda self, x: forward(self, torch.relu(x)),
        Site("nets.conv_net.ConvNet"),
    ),
    rows("torch", "LeNet", where="torch_impl.nets.lenet:LeNet5.forward", bites="wiring")(
        "pooled before the activation, which matters for averages",
        lambda forward: pooled_first,
        Site("nets.lenet.LeNet5"),
    ),
]
