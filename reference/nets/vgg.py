"""VGG: 3x3 convolutions that keep the size, 2x2 max pools that halve it, three dense layers.

    config   the channels of each convolution in order, and "pool" where the image is halved
    conv 3x3 [-> batch norm] -> relu, ... -> flatten -> dense -> relu -> dropout -> dense -> relu -> dropout -> dense

Returns the logits. VGG-16 doubles the channels after each pool, from 64 up to 512. With batch norm the convolutions
keep their biases, which it makes useless, because the published weights have them. h and w are those of the maps that
are flattened: 7 for 224x224 images, halved five times.
Sources: Course 4, week 2, "Classic networks"; Simonyan & Zisserman 2015, configuration D.
"""

from dataclasses import dataclass
from functools import cached_property
from numbers import Integral

from reference.checks import images, maps
from reference.layers.activations import relu
from reference.layers.batch_norm_2d import BatchNorm2d
from reference.layers.conv import Conv
from reference.layers.dense import Dense
from reference.layers.dropout import Dropout
from reference.layers.flatten import Flatten
from reference.layers.pooling import MaxPool
from reference.module import Chain, Sequence

VGG16 = (64, 64, "pool", 128, 128, "pool", *3 * (256,), "pool", *3 * (512,), "pool", *3 * (512,), "pool")


@dataclass(frozen=True)
class VGG(Chain):
    config: tuple[int | str, ...] = VGG16
    num_classes: int = 1000
    batch_norm: bool = False
    keep_prob: float = 0.5
    c_prev: int = 3
    hidden: int = 4096
    h: int = 7
    w: int = 7

    def __post_init__(self):
        channels = [c for c in self.config if c != "pool"]
        if not channels or not all(isinstance(c, Integral) and c >= 1 for c in channels):
            raise ValueError(f"config is {self.config}; expected numbers of channels, at least one, and 'pool'")

    @property
    def c(self):
        return [c for c in self.config if c != "pool"][-1]

    @cached_property
    def parts(self):
        return {
            "features": Sequence(*self.features()),
            "flatten": Flatten(),
            "classifier": Sequence(
                Dense(self.h * self.w * self.c, self.hidden),
                relu,
                Dropout(self.keep_prob),
                Dense(self.hidden, self.hidden),
                relu,
                Dropout(self.keep_prob),
                Dense(self.hidden, self.num_classes),
            ),
        }

    def features(self):
        c_prev = self.c_prev
        for c in self.config:
            if c == "pool":
                yield MaxPool(2)
                continue
            yield Conv(c_prev, c, 3, padding=1)
            if self.batch_norm:
                yield BatchNorm2d(c)
            yield relu
            c_prev = c

    def apply(self, p, s, X, *, mode):
        images("X", X, self.c_prev)
        maps("X", X, (self.h, self.w), [(2, 2, 0) if c == "pool" else (3, 1, 1) for c in self.config])
        return super().apply(p, s, X, mode=mode)


def vgg16(num_classes=1000, batch_norm=False):
    return VGG(VGG16, num_classes, batch_norm)
