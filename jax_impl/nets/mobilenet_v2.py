"""MobileNet v2, returning the logits: inverted residual blocks."""

from math import prod

import jax
from flax import nnx

from jax_impl.checks import images, positive
from jax_impl.layers.batch_norm_2d import BatchNorm2d
from jax_impl.layers.conv import Conv
from jax_impl.layers.dense import Dense
from jax_impl.layers.dropout import Dropout
from jax_impl.layers.pooling import GlobalAveragePool
from jax_impl.sequential import Sequential

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


def conv_norm(c_prev, c, f, stride, groups, *activation, rngs):
    conv = Conv(c_prev, c, f, stride, padding=f // 2, groups=groups, bias=False, rngs=rngs)
    return Sequential([conv, BatchNorm2d(c, rngs=rngs), *activation])


class InvertedResidual(nnx.Module):
    def __init__(self, c_prev: int, c: int, stride: int, expansion: int, *, rngs: nnx.Rngs):
        self.residual = stride == 1 and c_prev == c
        wide = c_prev * expansion
        expand = [] if expansion == 1 else [conv_norm(c_prev, wide, 1, 1, 1, jax.nn.relu6, rngs=rngs)]
        depthwise = conv_norm(wide, wide, 3, stride, wide, jax.nn.relu6, rngs=rngs)
        project = Conv(wide, c, 1, bias=False, rngs=rngs), BatchNorm2d(c, rngs=rngs)
        self.conv = Sequential([*expand, depthwise, *project])

    def __call__(self, x):
        return x + self.conv(x) if self.residual else self.conv(x)


class MobileNetV2(nnx.Module):
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
        *,
        rngs: nnx.Rngs,
    ):
        positive("width", width)
        self.c_prev, self.stride = c_prev, 2 * prod(stride for *_, stride in settings)
        c, head = rounded(width * stem, divisor), rounded(max(1, width) * head, divisor)
        features = [conv_norm(c_prev, c, 3, 2, 1, jax.nn.relu6, rngs=rngs)]
        for expansion, channels, count, stride in settings:
            c_out = rounded(width * channels, divisor)
            for i in range(count):
                features.append(InvertedResidual(c, c_out, 1 if i else stride, expansion, rngs=rngs))
                c = c_out
        self.features = Sequential([*features, conv_norm(c, head, 1, 1, 1, jax.nn.relu6, rngs=rngs)])
        self.avgpool = GlobalAveragePool()
        self.classifier = Sequential([Dropout(keep_prob, rngs=rngs), Dense(head, num_classes, rngs=rngs)])

    def __call__(self, x):
        images(x, self.c_prev, at_least=self.stride)
        return self.classifier(self.avgpool(self.features(x)))
