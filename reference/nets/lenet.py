"""LeNet-5: two convolutions, each followed by a pool, then three dense layers; returns the logits.

    conv 5x5 (c1) -> g -> pool 2 -> conv 5x5 (c2) -> g -> pool 2 -> flatten -> dense n1 -> g -> dense n2 -> g -> dense

As published g is tanh and the pool averages; modernized, as the notes have it, relu and max. On 32x32x1 images with
10 classes it has 61 706 parameters either way. h and w are those of the maps that are flattened: 5 for 32x32 images.
The paper's trainable pooling coefficients, sparse connections of the second convolution and radial output units are
left out, as in the notes. Sources: Course 4, week 2, "Classic networks"; LeCun, Bottou, Bengio & Haffner 1998.
"""

from dataclasses import dataclass
from functools import cached_property

from reference.checks import images, maps, one_of
from reference.layers.activations import ACTIVATIONS
from reference.layers.conv import Conv
from reference.layers.dense import Dense
from reference.layers.flatten import Flatten
from reference.layers.pooling import AveragePool, MaxPool
from reference.module import Chain

POOLS = {"average": AveragePool, "max": MaxPool}
STEPS = ((5, 1, 0), (2, 2, 0), (5, 1, 0), (2, 2, 0))
"""(f, stride, padding) of the convolutions and pools that lie before the dense layers."""


@dataclass(frozen=True)
class LeNet5(Chain):
    num_classes: int = 10
    activation: str = "tanh"
    pool: str = "average"
    c_prev: int = 1
    channels: tuple[int, int] = (6, 16)
    units: tuple[int, int] = (120, 84)
    h: int = 5
    w: int = 5

    def __post_init__(self):
        one_of("activation", self.activation, ACTIVATIONS)
        one_of("pool", self.pool, POOLS)

    @property
    def c(self):
        return self.channels[-1]

    @cached_property
    def parts(self):
        (c1, c2), (n1, n2) = self.channels, self.units
        g, Pool = ACTIVATIONS[self.activation], POOLS[self.pool]
        return {
            "conv1": Conv(self.c_prev, c1, 5),
            "activation1": g,
            "pool1": Pool(2),
            "conv2": Conv(c1, c2, 5),
            "activation2": g,
            "pool2": Pool(2),
            "flatten": Flatten(),
            "fc1": Dense(self.h * self.w * c2, n1),
            "activation3": g,
            "fc2": Dense(n1, n2),
            "activation4": g,
            "fc3": Dense(n2, self.num_classes),
        }

    def apply(self, p, s, X, *, mode):
        images("X", X, self.c_prev)
        maps("X", X, (self.h, self.w), STEPS)
        return super().apply(p, s, X, mode=mode)
