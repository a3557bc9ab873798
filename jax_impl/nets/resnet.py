"""ResNet, returning the logits.

The stride of a bottleneck is that of its 3x3 convolution, as in torchvision's weights ("v1.5"); Keras' have
it in the first 1x1.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from jax_impl.checks import images, one_of
from jax_impl.layers.activations import linear
from jax_impl.layers.batch_norm_2d import BatchNorm2d
from jax_impl.layers.conv import Conv
from jax_impl.layers.dense import Dense
from jax_impl.layers.pooling import GlobalAveragePool, MaxPool
from jax_impl.sequential import Sequential


class Subsample(nnx.Module):
    """Every stride-th pixel, and channels of zeros after those of x."""

    def __init__(self, c_prev: int, c: int, stride: int):
        self.more, self.stride = c - c_prev, stride

    def __call__(self, x):
        return jnp.pad(x[:, :: self.stride, :: self.stride], ((0, 0), (0, 0), (0, 0), (0, self.more)))


def nothing(x):
    return 0


def shortcut(skip, c_prev, c, stride, rngs):
    one_of("skip", skip, ("projection", "zeros", "none"))
    if skip == "none":
        return nothing
    if stride == 1 and c_prev == c:
        return linear
    if skip == "zeros":
        return Subsample(c_prev, c, stride)
    return Sequential([Conv(c_prev, c, 1, stride, bias=False, rngs=rngs), BatchNorm2d(c, rngs=rngs)])


class BasicBlock(nnx.Module):
    expansion = 1

    def __init__(self, c_prev: int, c: int, stride: int = 1, skip: str = "projection", *, rngs: nnx.Rngs):
        self.conv1 = Conv(c_prev, c, 3, stride, padding=1, bias=False, rngs=rngs)
        self.bn1 = BatchNorm2d(c, rngs=rngs)
        self.conv2 = Conv(c, c, 3, padding=1, bias=False, rngs=rngs)
        self.bn2 = BatchNorm2d(c, rngs=rngs)
        self.downsample = shortcut(skip, c_prev, c, stride, rngs)

    def __call__(self, x):
        z = jax.nn.relu(self.bn1(self.conv1(x)))
        z = self.bn2(self.conv2(z))
        return jax.nn.relu(z + self.downsample(x))


class Bottleneck(nnx.Module):
    expansion = 4

    def __init__(self, c_prev: int, c: int, stride: int = 1, skip: str = "projection", *, rngs: nnx.Rngs):
        c_out = self.expansion * c
        self.conv1 = Conv(c_prev, c, 1, bias=False, rngs=rngs)
        self.bn1 = BatchNorm2d(c, rngs=rngs)
        self.conv2 = Conv(c, c, 3, stride, padding=1, bias=False, rngs=rngs)
        self.bn2 = BatchNorm2d(c, rngs=rngs)
        self.conv3 = Conv(c, c_out, 1, bias=False, rngs=rngs)
        self.bn3 = BatchNorm2d(c_out, rngs=rngs)
        self.downsample = shortcut(skip, c_prev, c_out, stride, rngs)

    def __call__(self, x):
        z = jax.nn.relu(self.bn1(self.conv1(x)))
        z = jax.nn.relu(self.bn2(self.conv2(z)))
        z = self.bn3(self.conv3(z))
        return jax.nn.relu(z + self.downsample(x))


BLOCKS = {"basic": BasicBlock, "bottleneck": Bottleneck}


class ResNet(nnx.Module):
    def __init__(
        self,
        block: str,
        layers: tuple[int, ...],
        num_classes: int = 1000,
        widths: tuple[int, ...] = (64, 128, 256, 512),
        skip: str = "projection",
        small_images: bool = False,
        c_prev: int = 3,
        *,
        rngs: nnx.Rngs,
    ):
        self.c_prev, self.stride = c_prev, (1 if small_images else 4) * 2 ** (len(layers) - 1)
        one_of("block", block, BLOCKS)
        c, Block = widths[0], BLOCKS[block]
        if small_images:
            self.conv1 = Conv(c_prev, c, 3, padding=1, bias=False, rngs=rngs)
        else:
            self.conv1 = Conv(c_prev, c, 7, stride=2, padding=3, bias=False, rngs=rngs)
        self.bn1 = BatchNorm2d(c, rngs=rngs)
        self.maxpool = None if small_images else MaxPool(3, stride=2, padding=1)
        self.stages = tuple(f"layer{i + 1}" for i in range(len(layers)))
        for name, count, width in zip(self.stages, layers, widths, strict=True):
            blocks = []
            for j in range(count):
                blocks.append(Block(c, width, 2 if name != "layer1" and j == 0 else 1, skip, rngs=rngs))
                c = width * Block.expansion
            setattr(self, name, Sequential(blocks))
        self.avgpool = GlobalAveragePool()
        self.fc = Dense(c, num_classes, rngs=rngs)

    def __call__(self, x):
        images(x, self.c_prev, at_least=self.stride)
        x = jax.nn.relu(self.bn1(self.conv1(x)))
        if self.maxpool is not None:
            x = self.maxpool(x)
        for name in self.stages:
            x = getattr(self, name)(x)
        return self.fc(self.avgpool(x))


def resnet18(num_classes=1000, *, rngs):
    return ResNet("basic", (2, 2, 2, 2), num_classes, rngs=rngs)


def resnet34(num_classes=1000, *, rngs):
    return ResNet("basic", (3, 4, 6, 3), num_classes, rngs=rngs)


def resnet50(num_classes=1000, *, rngs):
    return ResNet("bottleneck", (3, 4, 6, 3), num_classes, rngs=rngs)


def resnet101(num_classes=1000, *, rngs):
    return ResNet("bottleneck", (3, 4, 23, 3), num_classes, rngs=rngs)


def resnet152(num_classes=1000, *, rngs):
    return ResNet("bottleneck", (3, 8, 36, 3), num_classes, rngs=rngs)


def resnet_cifar(depth, num_classes=10, residual=True, *, rngs):
    """20, 32, 44, 56 or 110 layers: three stages of (depth - 2)/6 basic blocks; the plain net if not `residual`."""
    if depth < 8 or depth % 6 != 2:
        raise ValueError(f"depth is {depth}; expected 6 n + 2 layers, such as 20, 32, 44, 56 or 110")
    layers = 3 * ((depth - 2) // 6,)
    skip = "zeros" if residual else "none"
    return ResNet("basic", layers, num_classes, (16, 32, 64), skip, small_images=True, rngs=rngs)
