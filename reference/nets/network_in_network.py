"""Network in network: each convolution is followed by 1x1 convolutions, a small dense net at every pixel.

    MLPConv   f x f (c1) -> relu -> 1x1 (c2) -> relu -> 1x1 (c3) -> relu
    net       MLPConv 5x5 -> max pool -> dropout -> MLPConv 5x5 -> average pool -> dropout -> MLPConv 3x3
              -> mean over the whole map

The last 1x1 convolution has a channel for each class, and its mean is that class's logit: no dense layer, so nothing
depends on the image's size. The pools are 3x3 with stride 2 and halve 32x32 images; as published, the class maps pass
through a relu too. `channels` are (c1, c2, c3) for each MLPConv, but for the last one's c3.
Sources: Course 4, week 2, "Networks in networks and 1x1 convolutions"; Lin, Chen & Yan 2014 (the net for CIFAR-10).
"""

from dataclasses import dataclass
from functools import cached_property

from reference.checks import images
from reference.layers.activations import relu
from reference.layers.conv import Conv
from reference.layers.dropout import Dropout
from reference.layers.pooling import AveragePool, GlobalAveragePool, MaxPool
from reference.module import Chain


@dataclass(frozen=True)
class MLPConv(Chain):
    c_prev: int
    channels: tuple[int, int, int]
    f: int

    @cached_property
    def parts(self):
        c1, c2, c3 = self.channels
        return {
            "conv1": Conv(self.c_prev, c1, self.f, padding="same"),
            "relu1": relu,
            "conv2": Conv(c1, c2, 1),
            "relu2": relu,
            "conv3": Conv(c2, c3, 1),
            "relu3": relu,
        }


@dataclass(frozen=True)
class NetworkInNetwork(Chain):
    num_classes: int = 10
    keep_prob: float = 0.5
    c_prev: int = 3
    channels: tuple[tuple[int, ...], ...] = ((192, 160, 96), (192, 192, 192), (192, 192))

    @cached_property
    def parts(self):
        first, second, last = self.channels
        return {
            "mlpconv1": MLPConv(self.c_prev, first, 5),
            "pool1": MaxPool(3, stride=2, padding=1),
            "dropout1": Dropout(self.keep_prob),
            "mlpconv2": MLPConv(first[-1], second, 5),
            "pool2": AveragePool(3, stride=2, padding=1),
            "dropout2": Dropout(self.keep_prob),
            "mlpconv3": MLPConv(second[-1], (*last, self.num_classes), 3),
            "avgpool": GlobalAveragePool(),
        }

    def apply(self, p, s, X, *, mode):
        images("X", X, self.c_prev, at_least=(4, 4))
        return super().apply(p, s, X, mode=mode)
