"""AlexNet on one device: five convolutions, three max pools that overlap (3x3, stride 2), three dense layers.

    conv 11x11/4 -> relu [-> norm] -> pool -> conv 5x5 -> relu [-> norm] -> pool -> 3 times (conv 3x3 -> relu) -> pool
    -> flatten -> dropout -> dense -> relu -> dropout -> dense -> relu -> dense

Returns the logits. The channels are those of the one-device version, which pretrained weights are of; the paper's two
devices had 96, 256, 384, 384, 256 and saw each other in some layers only. `local_response_norm` puts the paper's norm
back, which later work found to help little. h and w are those of the maps that are flattened: 6 for 224x224 images.
Sources: Course 4, week 2, "Classic networks"; Krizhevsky, Sutskever & Hinton 2012; Krizhevsky 2014.
"""

from dataclasses import dataclass
from functools import cached_property

from reference.checks import images, maps
from reference.layers.activations import relu
from reference.layers.conv import Conv
from reference.layers.dense import Dense
from reference.layers.dropout import Dropout
from reference.layers.flatten import Flatten
from reference.layers.local_response_norm import LocalResponseNorm
from reference.layers.pooling import MaxPool
from reference.module import Chain, Sequence

STEPS = ((11, 4, 2), (3, 2, 0), (5, 1, 2), (3, 2, 0), *3 * ((3, 1, 1),), (3, 2, 0))
"""(f, stride, padding) of the convolutions and pools that lie before the dense layers."""


@dataclass(frozen=True)
class AlexNet(Chain):
    num_classes: int = 1000
    keep_prob: float = 0.5
    local_response_norm: bool = False
    c_prev: int = 3
    channels: tuple[int, ...] = (64, 192, 384, 256, 256)
    hidden: int = 4096
    h: int = 6
    w: int = 6

    @property
    def c(self):
        return self.channels[-1]

    @cached_property
    def parts(self):
        c1, c2, c3, c4, c5 = self.channels
        norm = [LocalResponseNorm()] if self.local_response_norm else []
        features = [Conv(self.c_prev, c1, 11, stride=4, padding=2), relu, *norm, MaxPool(3, stride=2)]
        features += [Conv(c1, c2, 5, padding=2), relu, *norm, MaxPool(3, stride=2)]
        for before, after in ((c2, c3), (c3, c4), (c4, c5)):
            features += [Conv(before, after, 3, padding=1), relu]
        return {
            "features": Sequence(*features, MaxPool(3, stride=2)),
            "flatten": Flatten(),
            "classifier": Sequence(
                Dropout(self.keep_prob),
                Dense(self.h * self.w * c5, self.hidden),
                relu,
                Dropout(self.keep_prob),
                Dense(self.hidden, self.hidden),
                relu,
                Dense(self.hidden, self.num_classes),
            ),
        }

    def apply(self, p, s, X, *, mode):
        images("X", X, self.c_prev)
        maps("X", X, (self.h, self.w), STEPS)
        return super().apply(p, s, X, mode=mode)
