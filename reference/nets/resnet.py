"""Residual networks: blocks of convolutions around which their input takes a shortcut.

    basic         Z = bn2(conv2(g(bn1(conv1(X)))))                  two 3x3 convolutions, the first with the stride
    bottleneck    Z = bn3(conv3(g(bn2(conv2(g(bn1(conv1(X))))))))   1x1 to c channels, 3x3 with the stride, 1x1 to 4 c
    both          A = g(Z + S(X))                                   g = relu

    S   the identity where X has the shape of Z, and elsewhere by `skip`: "projection", a 1x1 convolution with batch
        norm; "zeros", every stride-th pixel and channels of zeros, without parameters. "none": S = 0, a plain net.

    ResNet          stem -> stages layer1, layer2, ... of blocks, each stage but the first halves the image -> mean
                    -> dense, which gives the logits
    stem            conv 7x7/2 -> bn -> g -> max pool 3x3/2, or for small images conv 3x3 -> bn -> g

dX = S'(dZ) + what comes back through the convolutions: by the shortcut the gradient arrives undamped. If the last
batch norm has gamma = beta = 0, the block is the identity on what came out of a relu: easy to learn, so depth is no
harm. The paper has the bottleneck's stride in conv1, torchvision's weights ("v1.5") have it in conv2, Keras' in conv1.
A convolution that feeds batch norm has no bias.
Sources: Course 4, week 2, "ResNets"; He, Zhang, Ren & Sun 2016, sections 3.3 and 4.2 (CIFAR).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reference.checks import images, one_of
from reference.combinators import Residual
from reference.layers.activations import linear, relu
from reference.layers.batch_norm_2d import BatchNorm2d
from reference.layers.conv import Conv
from reference.layers.dense import Dense
from reference.layers.pooling import GlobalAveragePool, MaxPool
from reference.module import Chain, Layer, Sequence
from reference.windows import at, spread


@dataclass(frozen=True)
class Subsample(Layer):
    """Every stride-th pixel of X, and channels of zeros after its own."""

    c_prev: int
    c: int
    stride: int

    def forward(self, p, X):
        def back(dY):
            return {}, at(spread(dY[..., : self.c_prev], (self.stride, self.stride)), (0, 0), X.shape[1:3])

        seen = X[:, :: self.stride, :: self.stride]
        return np.pad(seen, ((0, 0), (0, 0), (0, 0), (0, self.c - self.c_prev))), back


def nothing(X):
    """S = 0."""
    return 0, lambda dZ: 0


def shortcut(skip, c_prev, c, stride):
    """S, from c_prev channels to c."""
    one_of("skip", skip, ("projection", "zeros", "none"))
    if skip == "none":
        return nothing
    if stride == 1 and c_prev == c:
        return linear
    if skip == "zeros":
        return Subsample(c_prev, c, stride)
    return Sequence(Conv(c_prev, c, 1, stride, bias=False), BatchNorm2d(c))


@dataclass(frozen=True)
class BasicBlock(Residual):
    c_prev: int
    c: int
    stride: int = 1
    skip: str = "projection"

    expansion = 1

    @cached_property
    def parts(self):
        return {
            "conv1": Conv(self.c_prev, self.c, 3, self.stride, padding=1, bias=False),
            "bn1": BatchNorm2d(self.c),
            "relu1": relu,
            "conv2": Conv(self.c, self.c, 3, padding=1, bias=False),
            "bn2": BatchNorm2d(self.c),
            "downsample": shortcut(self.skip, self.c_prev, self.c, self.stride),
        }


@dataclass(frozen=True)
class Bottleneck(Residual):
    c_prev: int
    c: int
    stride: int = 1
    skip: str = "projection"

    expansion = 4

    @cached_property
    def parts(self):
        c_out = self.expansion * self.c
        return {
            "conv1": Conv(self.c_prev, self.c, 1, bias=False),
            "bn1": BatchNorm2d(self.c),
            "relu1": relu,
            "conv2": Conv(self.c, self.c, 3, self.stride, padding=1, bias=False),
            "bn2": BatchNorm2d(self.c),
            "relu2": relu,
            "conv3": Conv(self.c, c_out, 1, bias=False),
            "bn3": BatchNorm2d(c_out),
            "downsample": shortcut(self.skip, self.c_prev, c_out, self.stride),
        }


BLOCKS = {"basic": BasicBlock, "bottleneck": Bottleneck}


@dataclass(frozen=True)
class ResNet(Chain):
    block: str
    layers: tuple[int, ...]
    num_classes: int = 1000
    widths: tuple[int, ...] = (64, 128, 256, 512)
    skip: str = "projection"
    small_images: bool = False
    c_prev: int = 3

    def __post_init__(self):
        one_of("block", self.block, BLOCKS)

    @property
    def stride(self):
        return (1 if self.small_images else 4) * 2 ** (len(self.layers) - 1)

    @cached_property
    def parts(self):
        c, Block = self.widths[0], BLOCKS[self.block]
        parts = self.stem(c)
        for i, (count, width) in enumerate(zip(self.layers, self.widths, strict=True)):
            blocks = []
            for j in range(count):
                blocks.append(Block(c, width, 2 if i > 0 and j == 0 else 1, self.skip))
                c = width * Block.expansion
            parts[f"layer{i + 1}"] = Sequence(*blocks)
        return parts | {"avgpool": GlobalAveragePool(), "fc": Dense(c, self.num_classes)}

    def stem(self, c):
        if self.small_images:
            return {"conv1": Conv(self.c_prev, c, 3, padding=1, bias=False), "bn1": BatchNorm2d(c), "relu": relu}
        conv = Conv(self.c_prev, c, 7, stride=2, padding=3, bias=False)
        return {"conv1": conv, "bn1": BatchNorm2d(c), "relu": relu, "maxpool": MaxPool(3, stride=2, padding=1)}

    def apply(self, p, s, X, *, mode):
        images("X", X, self.c_prev, at_least=(self.stride, self.stride))
        return super().apply(p, s, X, mode=mode)


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
