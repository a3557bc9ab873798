"""The notes' example of a convolutional network: three convolutions, then softmax over all that is left.

    39x39x3  -> conv 3x3 -> 37x37x10 -> conv 5x5 stride 2 -> 17x17x20 -> conv 5x5 stride 2 -> 7x7x40 -> dense

with relu after each convolution; returns the logits. The image shrinks while the channels grow. h and w are those of
the maps that are flattened: 7 for 39x39 images. Source: Course 4, week 1, "Simple convolutional network example".
"""

from dataclasses import dataclass
from functools import cached_property

from reference.checks import images, maps
from reference.layers.activations import relu
from reference.layers.conv import Conv
from reference.layers.dense import Dense
from reference.layers.flatten import Flatten
from reference.module import Chain

STEPS = ((3, 1, 0), (5, 2, 0), (5, 2, 0))
"""(f, stride, padding) of the convolutions and pools that lie before the dense layers."""


@dataclass(frozen=True)
class ConvNet(Chain):
    num_classes: int = 10
    c_prev: int = 3
    channels: tuple[int, int, int] = (10, 20, 40)
    h: int = 7
    w: int = 7

    @property
    def c(self):
        return self.channels[-1]

    @cached_property
    def parts(self):
        c1, c2, c3 = self.channels
        return {
            "conv1": Conv(self.c_prev, c1, 3),
            "relu1": relu,
            "conv2": Conv(c1, c2, 5, stride=2),
            "relu2": relu,
            "conv3": Conv(c2, c3, 5, stride=2),
            "relu3": relu,
            "flatten": Flatten(),
            "fc": Dense(self.h * self.w * c3, self.num_classes),
        }

    def apply(self, p, s, X, *, mode):
        images("X", X, self.c_prev)
        maps("X", X, (self.h, self.w), STEPS)
        return super().apply(p, s, X, mode=mode)
