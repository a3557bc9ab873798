"""EfficientNet, returning the logits; state-dict keys are those of torchvision's `efficientnet_b0` to `b7`.

torchvision's B5 to B7 have epsilon 1e-3 in their batch norms; here it is 1e-5 in all, as in its B0 to B4.
"""

from math import ceil, prod

from torch import nn

from torch_impl.checks import images, positive
from torch_impl.layers.dense import Dense
from torch_impl.layers.dropout import Dropout
from torch_impl.layers.pooling import GlobalAveragePool
from torch_impl.layers.squeeze_excitation import SqueezeExcitation
from torch_impl.layers.stochastic_depth import StochasticDepth
from torch_impl.nets.mobilenet_v2 import conv_norm, rounded

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


class MBConv(nn.Module):
    def __init__(self, c_prev: int, c: int, f: int = 3, stride: int = 1, expansion: int = 6, keep_prob: float = 1.0):
        super().__init__()
        wide = c_prev * expansion
        expand = [] if expansion == 1 else [conv_norm(c_prev, wide, 1, 1, 1, nn.SiLU())]
        depthwise = conv_norm(wide, wide, f, stride, wide, nn.SiLU())
        gate = SqueezeExcitation(wide, max(1, c_prev // 4), "swish")
        self.block = nn.Sequential(*expand, depthwise, gate, conv_norm(wide, c, 1, 1, 1))
        self.stochastic_depth = StochasticDepth(keep_prob) if stride == 1 and c_prev == c else None

    def forward(self, x):
        y = self.block(x)
        return y if self.stochastic_depth is None else x + self.stochastic_depth(y)


class EfficientNet(nn.Module):
    def __init__(
        self,
        num_classes: int = 1000,
        width: float = 1.0,
        depth: float = 1.0,
        keep_prob: float = 0.8,
        survival_prob: float = 0.8,
        c_prev: int = 3,
        stem: int = 32,
        stages: tuple[tuple[int, int, int, int, int], ...] = STAGES,
        head: int = 1280,
        divisor: int = 8,
    ):
        super().__init__()
        positive("width", width)
        positive("depth", depth)
        self.c_prev, self.stride = c_prev, 2 * prod(stride for _, _, _, stride, _ in stages)
        c, head = rounded(width * stem, divisor), rounded(width * head, divisor)
        counts = [ceil(depth * count) for _, _, count, _, _ in stages]
        features, total, i = [conv_norm(c_prev, c, 3, 2, 1, nn.SiLU())], sum(counts), 0
        for (expansion, channels, _, stride, f), count in zip(stages, counts):
            blocks, c_out = [], rounded(width * channels, divisor)
            for j in range(count):
                survival = 1 - (1 - survival_prob) * i / total
                blocks.append(MBConv(c, c_out, f, 1 if j else stride, expansion, survival))
                c, i = c_out, i + 1
            features.append(nn.Sequential(*blocks))
        self.features = nn.Sequential(*features, conv_norm(c, head, 1, 1, 1, nn.SiLU()))
        self.avgpool = GlobalAveragePool()
        self.classifier = nn.Sequential(Dropout(keep_prob), Dense(head, num_classes))

    def forward(self, x):
        images(x, self.c_prev, at_least=self.stride)
        return self.classifier(self.avgpool(self.features(x)))


def efficientnet(variant="b0", num_classes=1000):
    if variant not in COEFFICIENTS:
        raise ValueError(f"variant is {variant!r}; expected one of {', '.join(map(repr, COEFFICIENTS))}")
    width, depth, _, keep_prob = COEFFICIENTS[variant]
    return EfficientNet(num_classes, width, depth, keep_prob)
