"""EfficientNet: inverted residual blocks with squeeze and excitation, and one formula that scales a net in all ways.

    MBConv    Y = X + D(F(X)),  F: 1x1 to t c_prev -> bn -> g -> depthwise f x f -> bn -> g -> squeeze and excitation
              -> 1x1 to c -> bn          g = swish, D stochastic depth; no shortcut and no D where the shape changes
    net       conv 3x3/2 -> bn -> g -> sixteen blocks -> 1x1 to 1280 -> bn -> g -> mean -> dropout -> dense

    scaling   layers ceil(depth n), channels rounded(width c), images of that resolution; all grow together, about as
              depth = 1.2^phi, width = 1.1^phi, resolution = 224 * 1.15^phi

`COEFFICIENTS` are the published ones, from 4.7 % below the formula's (B1's width) to 17.2 % above (B6's resolution),
with phi = 0, 1/2, 1, 2, ... 6. `stages` are rows (t, c, n, s, f) of B0: n blocks, the first with stride s. The gate
narrows to a quarter of the block's input. The i-th of N blocks survives stochastic depth with probability
1 - (1 - survival_prob) i/N: the deeper the rarer.
Padding is symmetric, batch norm has epsilon 1e-5 and momentum 0.9; the paper's TensorFlow had "same_tf", 1e-3 and 0.99.
Sources: Course 4, week 2, "EfficientNet"; Tan & Le 2019.
"""

from dataclasses import dataclass
from functools import cached_property
from math import ceil, prod

from reference.checks import images, one_of, positive
from reference.combinators import Residual
from reference.layers.activations import swish
from reference.layers.dense import Dense
from reference.layers.dropout import Dropout
from reference.layers.pooling import GlobalAveragePool
from reference.layers.squeeze_excitation import SqueezeExcitation
from reference.layers.stochastic_depth import StochasticDepth
from reference.module import Chain, Sequence
from reference.nets.mobilenet_v2 import conv_norm, rounded
from reference.nets.resnet import nothing

STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)

COEFFICIENTS = {  # width, depth, resolution, keep_prob
    "b0": (1.0, 1.0, 224, 0.8),
    "b1": (1.0, 1.1, 240, 0.8),
    "b2": (1.1, 1.2, 260, 0.7),
    "b3": (1.2, 1.4, 300, 0.7),
    "b4": (1.4, 1.8, 380, 0.6),
    "b5": (1.6, 2.2, 456, 0.6),
    "b6": (1.8, 2.6, 528, 0.5),
    "b7": (2.0, 3.1, 600, 0.5),
}


@dataclass(frozen=True)
class MBConv(Residual):
    c_prev: int
    c: int
    f: int = 3
    stride: int = 1
    expansion: int = 6
    keep_prob: float = 1.0

    activation = "linear"

    @cached_property
    def parts(self):
        wide = self.c_prev * self.expansion
        expand = [] if self.expansion == 1 else [conv_norm(self.c_prev, wide, 1, 1, 1, swish)]
        depthwise = conv_norm(wide, wide, self.f, self.stride, wide, swish)
        gate = SqueezeExcitation(wide, max(1, self.c_prev // 4), "swish")
        parts = {"block": Sequence(*expand, depthwise, gate, conv_norm(wide, self.c, 1, 1, 1))}
        same = self.stride == 1 and self.c_prev == self.c
        return parts | ({"stochastic_depth": StochasticDepth(self.keep_prob)} if same else {self.shortcut: nothing})


@dataclass(frozen=True)
class EfficientNet(Chain):
    num_classes: int = 1000
    width: float = 1.0
    depth: float = 1.0
    keep_prob: float = 0.8
    survival_prob: float = 0.8
    c_prev: int = 3
    stem: int = 32
    stages: tuple[tuple[int, int, int, int, int], ...] = STAGES
    head: int = 1280
    divisor: int = 8

    def __post_init__(self):
        positive("width", self.width)
        positive("depth", self.depth)

    @property
    def stride(self):
        return 2 * prod(stride for _, _, _, stride, _ in self.stages)

    @cached_property
    def parts(self):
        c, head = rounded(self.width * self.stem, self.divisor), rounded(self.width * self.head, self.divisor)
        counts = [ceil(self.depth * count) for _, _, count, _, _ in self.stages]
        features, total, i = [conv_norm(self.c_prev, c, 3, 2, 1, swish)], sum(counts), 0
        for (expansion, channels, _, stride, f), count in zip(self.stages, counts):
            blocks, c_out = [], rounded(self.width * channels, self.divisor)
            for j in range(count):
                survival = 1 - (1 - self.survival_prob) * i / total
                blocks.append(MBConv(c, c_out, f, 1 if j else stride, expansion, survival))
                c, i = c_out, i + 1
            features.append(Sequence(*blocks))
        return {
            "features": Sequence(*features, conv_norm(c, head, 1, 1, 1, swish)),
            "avgpool": GlobalAveragePool(),
            "classifier": Sequence(Dropout(self.keep_prob), Dense(head, self.num_classes)),
        }

    def apply(self, p, s, X, *, mode):
        images("X", X, self.c_prev, at_least=(self.stride, self.stride))
        return super().apply(p, s, X, mode=mode)


def efficientnet(variant="b0", num_classes=1000):
    one_of("variant", variant, COEFFICIENTS)
    width, depth, _, keep_prob = COEFFICIENTS[variant]
    return EfficientNet(num_classes, width, depth, keep_prob)
