"""Squeeze and excitation: each channel is scaled by a gate that has seen the whole image.

    squeeze   q = mean of X over h and w             excite   G = sigmoid(fc2 g(fc1 q))           q, G [m 1 1 c]
    scale     Y = X G                                                                             X, Y [m h w c]

    dG = sum over h and w of dY X          dX = dY G + what the gate sends back through the mean

fc1 narrows to c_squeeze channels and fc2 widens again; both are 1x1 convolutions on a 1x1 map, that is, dense layers.
EfficientNet takes c_squeeze from a block's input, not from the wider X, and swish for g.
Source: Hu, Shen & Sun 2018.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reference.checks import images, one_of
from reference.layers.activations import ACTIVATIONS, sigmoid
from reference.layers.conv import Conv
from reference.module import Chain


@dataclass(frozen=True)
class SqueezeExcitation(Chain):
    c: int
    c_squeeze: int
    activation: str = "relu"

    def __post_init__(self):
        one_of("activation", self.activation, ACTIVATIONS)

    @cached_property
    def parts(self):
        return {
            "squeeze": squeeze,
            "fc1": Conv(self.c, self.c_squeeze, 1),
            "activation": ACTIVATIONS[self.activation],
            "fc2": Conv(self.c_squeeze, self.c, 1),
            "sigmoid": sigmoid,
        }

    def apply(self, p, s, X, *, mode):
        images("X", X, channels=self.c)
        G, s, back_gate = super().apply(p, s, X, mode=mode)

        def back(dY):
            dp, dX = back_gate((dY * X).sum(axis=(1, 2), keepdims=True))
            return dp, dY * G + dX

        return X * G, s, back


def squeeze(X):
    """Mean over height and width: [m h w c] -> [m 1 1 c]."""
    h, w = X.shape[1:3]

    def back(dq):
        return np.broadcast_to(dq / (h * w), X.shape)

    return X.mean(axis=(1, 2), keepdims=True), back
