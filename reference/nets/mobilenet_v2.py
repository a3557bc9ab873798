"""MobileNet v2: inverted residual blocks, wide inside and narrow at both ends, where the shortcut is.

    block   Y = X + F(X),  F: 1x1 to t c_prev -> bn -> g -> depthwise 3x3 -> bn -> g -> 1x1 to c -> bn
    net     conv 3x3/2 -> bn -> g -> seventeen blocks -> 1x1 to 1280 -> bn -> g -> mean -> dropout -> dense

g = relu6. Nothing follows the last batch norm of a block: a relu on so few channels would lose what they carry. Where
the shape changes there is no shortcut, and with t = 1 no first 1x1. `settings` are rows (t, c, n, s): n blocks, the
first with stride s. `width` multiplies the channels, which are then `rounded` to multiples of `divisor`.
Sources: Course 4, week 2, "MobileNet architecture"; Sandler et al. 2018, table 2.
"""

from dataclasses import dataclass
from functools import cached_property
from math import prod

from reference.checks import images, positive
from reference.combinators import Residual
from reference.layers.activations import relu6
from reference.layers.batch_norm_2d import BatchNorm2d
from reference.layers.conv import Conv
from reference.layers.dense import Dense
from reference.layers.dropout import Dropout
from reference.layers.pooling import GlobalAveragePool
from reference.module import Chain, Sequence
from reference.nets.resnet import nothing

SETTINGS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def rounded(c, divisor):
    """The multiple of the divisor nearest to c, but never below it nor more than a tenth below c."""
    nearest = max(divisor, int(c + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * c else nearest


def conv_norm(c_prev, c, f, stride, groups, *activation):
    """Convolution -> batch norm [-> activation], padded to halve or keep the size."""
    conv = Conv(c_prev, c, f, stride, padding=f // 2, groups=groups, bias=False)
    return Sequence(conv, BatchNorm2d(c), *activation)


@dataclass(frozen=True)
class InvertedResidual(Residual):
    c_prev: int
    c: int
    stride: int
    expansion: int

    activation = "linear"

    @cached_property
    def parts(self):
        wide = self.c_prev * self.expansion
        expand = [] if self.expansion == 1 else [conv_norm(self.c_prev, wide, 1, 1, 1, relu6)]
        depthwise = conv_norm(wide, wide, 3, self.stride, wide, relu6)
        parts = {"conv": Sequence(*expand, depthwise, Conv(wide, self.c, 1, bias=False), BatchNorm2d(self.c))}
        same = self.stride == 1 and self.c_prev == self.c
        return parts if same else parts | {self.shortcut: nothing}


@dataclass(frozen=True)
class MobileNetV2(Chain):
    num_classes: int = 1000
    width: float = 1.0
    keep_prob: float = 0.8
    c_prev: int = 3
    stem: int = 32
    settings: tuple[tuple[int, int, int, int], ...] = SETTINGS
    head: int = 1280
    divisor: int = 8

    def __post_init__(self):
        positive("width", self.width)

    @property
    def stride(self):
        return 2 * prod(stride for *_, stride in self.settings)

    @cached_property
    def parts(self):
        c, head = rounded(self.width * self.stem, self.divisor), rounded(max(1, self.width) * self.head, self.divisor)
        features = [conv_norm(self.c_prev, c, 3, 2, 1, relu6)]
        for expansion, channels, count, stride in self.settings:
            c_out = rounded(self.width * channels, self.divisor)
            for i in range(count):
                features.append(InvertedResidual(c, c_out, 1 if i else stride, expansion))
                c = c_out
        return {
            "features": Sequence(*features, conv_norm(c, head, 1, 1, 1, relu6)),
            "avgpool": GlobalAveragePool(),
            "classifier": Sequence(Dropout(self.keep_prob), Dense(head, self.num_classes)),
        }

    def apply(self, p, s, X, *, mode):
        images("X", X, self.c_prev, at_least=(self.stride, self.stride))
        return super().apply(p, s, X, mode=mode)
