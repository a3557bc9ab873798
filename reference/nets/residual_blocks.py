"""The notes' two residual blocks: three convolutions, around which X takes a shortcut.

    Z = bn3(conv3(g(bn2(conv2(g(bn1(conv1(X))))))))        conv1 and conv3 1x1, conv2 f x f and "same"; g = relu

    identity block         A = g(Z + X)                    X has the shape of Z already: c_prev = filters[2]
    convolutional block    A = g(Z + bn(conv(X)))          a 1x1 convolution gives X the shape of Z

The stride is that of conv1 and of the shortcut; `Bottleneck` in resnet.py has it in the 3x3 convolution instead.
Padding and epsilon are those of the assignment, which is written in TensorFlow.
Sources: Course 4, week 2, "ResNets"; He, Zhang, Ren & Sun 2016.
"""

from dataclasses import dataclass
from functools import cached_property

from reference.combinators import Residual
from reference.layers.activations import relu
from reference.layers.batch_norm_2d import BatchNorm2d
from reference.layers.conv import Conv
from reference.module import Sequence

EPSILON = 1e-3


@dataclass(frozen=True)
class IdentityBlock(Residual):
    c_prev: int
    filters: tuple[int, int, int]
    f: int = 3

    projects = False

    def __post_init__(self):
        if not self.projects and self.c_prev != self.filters[2]:
            raise ValueError(
                f"c_prev is {self.c_prev}; expected filters[2] = {self.filters[2]}, as X itself is added to Z"
            )

    @cached_property
    def parts(self):
        c1, c2, c3 = self.filters
        return {
            "conv1": Conv(self.c_prev, c1, 1, bias=False),
            "bn1": BatchNorm2d(c1, epsilon=EPSILON),
            "relu1": relu,
            "conv2": Conv(c1, c2, self.f, padding="same_tf", bias=False),
            "bn2": BatchNorm2d(c2, epsilon=EPSILON),
            "relu2": relu,
            "conv3": Conv(c2, c3, 1, bias=False),
            "bn3": BatchNorm2d(c3, epsilon=EPSILON),
        }


@dataclass(frozen=True)
class ConvolutionalBlock(IdentityBlock):
    stride: int = 2

    projects = True

    @cached_property
    def parts(self):
        c1, _, c3 = self.filters
        strided = {"conv1": Conv(self.c_prev, c1, 1, self.stride, bias=False)}
        projection = Conv(self.c_prev, c3, 1, self.stride, bias=False), BatchNorm2d(c3, epsilon=EPSILON)
        return super().parts | strided | {"downsample": Sequence(*projection)}
