"""MobileNet v1: depthwise separable convolutions, at 1/c + 1/f^2 of the multiplications of ordinary ones (formulas.py).

    block   depthwise 3x3, one filter a channel -> bn -> relu -> pointwise 1x1 -> bn -> relu
    net     conv 3x3/2 -> bn -> relu -> thirteen blocks -> mean -> dense, which gives the logits

The depthwise filters see space but not other channels, the pointwise ones the reverse. `blocks` are rows (c, stride);
`width` multiplies every number of channels (the paper's alpha). A convolution that feeds batch norm has no bias.
Sources: Course 4, week 2, "MobileNet"; Howard et al. 2017, table 1.
"""

from dataclasses import dataclass
from functools import cached_property
from math import prod

from reference.checks import images
from reference.layers.activations import relu
from reference.layers.batch_norm_2d import BatchNorm2d
from reference.layers.conv import Conv
from reference.layers.dense import Dense
from reference.layers.pooling import GlobalAveragePool
from reference.module import Chain, Sequence

BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *5 * ((512, 1),), (1024, 2), (1024, 1))


@dataclass(frozen=True)
class DepthwiseSeparable(Chain):
    c_prev: int
    c: int
    stride: int = 1

    @cached_property
    def parts(self):
        return {
            "depthwise": Conv(self.c_prev, self.c_prev, 3, self.stride, padding=1, groups=self.c_prev, bias=False),
            "bn1": BatchNorm2d(self.c_prev),
            "relu1": relu,
            "pointwise": Conv(self.c_prev, self.c, 1, bias=False),
            "bn2": BatchNorm2d(self.c),
            "relu2": relu,
        }


@dataclass(frozen=True)
class MobileNetV1(Chain):
    num_classes: int = 1000
    width: float = 1.0
    c_prev: int = 3
    stem: int = 32
    blocks: tuple[tuple[int, int], ...] = BLOCKS

    def __post_init__(self):
        if int(self.width * min(self.stem, *(c for c, _ in self.blocks))) < 1:
            raise ValueError(f"width is {self.width}; expected a factor that leaves every layer a channel")

    @property
    def stride(self):
        return 2 * prod(stride for _, stride in self.blocks)

    @cached_property
    def parts(self):
        c = stem = int(self.width * self.stem)
        blocks = []
        for channels, stride in self.blocks:
            blocks.append(DepthwiseSeparable(c, int(self.width * channels), stride))
            c = int(self.width * channels)
        return {
            "conv": Conv(self.c_prev, stem, 3, stride=2, padding=1, bias=False),
            "bn": BatchNorm2d(stem),
            "relu": relu,
            "blocks": Sequence(*blocks),
            "avgpool": GlobalAveragePool(),
            "fc": Dense(c, self.num_classes),
        }

    def apply(self, p, s, X, *, mode):
        images("X", X, self.c_prev, at_least=(self.stride, self.stride))
        return super().apply(p, s, X, mode=mode)
