"""MobileNet v2, returning the logits; state-dict keys are those of torchvision's `mobilenet_v2`."""

from math import prod

from torch import nn

from torch_impl.checks import images, positive
from torch_impl.layers.batch_norm_2d import BatchNorm2d
from torch_impl.layers.conv import Conv
from torch_impl.layers.dense import Dense
from torch_impl.layers.dropout import Dropout
from torch_impl.layers.pooling import GlobalAveragePool

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
    nearest = max(divisor, int(c + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * c else nearest


def conv_norm(c_prev, c, f, stride, groups, *activation):
    conv = Conv(c_prev, c, f, stride, padding=f // 2, groups=groups, bias=False)
    return nn.Sequential(conv, BatchNorm2d(c), *activation)


class InvertedResidual(nn.Module):
    def __init__(self, c_prev: int, c: int, stride: int, expansion: int):
        super().__init__()
        self.residual = stride == 1 and c_prev == c
        wide = c_prev * expansion
        expand = [] if expansion == 1 else [conv_norm(c_prev, wide, 1, 1, 1, nn.ReLU6())]
        depthwise = conv_norm(wide, wide, 3, stride, wide, nn.ReLU6())
        self.conv = nn.Sequential(*expand, depthwise, Conv(wide, c, 1, bias=False), BatchNorm2d(c))

    def forward(self, x):
        return x + self.conv(x) if self.residual else self.conv(x)


class MobileNetV2(nn.Module):
    def __init__(
        self,
        num_classes: int = 1000,
        width: float = 1.0,
        keep_prob: float = 0.8,
        c_prev: int = 3,
        stem: int = 32,
        settings: tuple[tuple[int, int, int, int], ...] = SETTINGS,
        head: int = 1280,
        divisor: int = 8,
    ):
        super().__init__()
        positive("width", width)
        self.c_prev, self.stride = c_prev, 2 * prod(stride for *_, stride in settings)
        c, head = rounded(width * stem, divisor), rounded(max(1, width) * head, divisor)
        features = [conv_norm(c_prev, c, 3, 2, 1, nn.ReLU6())]
        for expansion, channels, count, stride in settings:
            c_out = rounded(width * channels, divisor)
            for i in range(count):
                features.append(InvertedResidual(c, c_out, 1 if i else stride, expansion))
                c = c_out
        self.features = nn.Sequential(*features, conv_norm(c, head, 1, 1, 1, nn.ReLU6()))
        self.avgpool = GlobalAveragePool()
        self.classifier = nn.Sequential(Dropout(keep_prob), Dense(head, num_classes))

    def forward(self, x):
        images(x, self.c_prev, at_least=self.stride)
        return self.classifier(self.avgpool(self.features(x)))
