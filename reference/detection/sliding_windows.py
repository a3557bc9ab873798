"""Sliding windows: a classifier of small images looks everywhere in a large one, crop by crop or all at once.

    WindowClassifier      conv f x f -> relu -> max pool 2x2 -> flatten -> dense -> relu -> dense -> relu -> dense
    ConvolutionalWindows  the same with the dense layers as convolutions, on an image of any size: a map of logits
    crop_and_classify     the loop that it replaces

A dense layer over an h x w x c map is a convolution whose n filters are as large as the map: the same sums of the same
numbers, W [n (h w c)] as filters [h w c n], and later dense layers are 1x1. On a larger image the filters slide, and
what neighbouring windows have in common is worked out once. The windows stand as far apart as the pool's stride, 2:

    ConvolutionalWindows(as_convolutions(p))(X)[:, i, j] = WindowClassifier(p)(X[:, 2i : 2i + size, 2j : 2j + size])

X [m h w c_prev]. The notes' net has 64 windows of 14x14 in a 28x28 image. Together they take 1.3 times fewer products
than one by one (4.8 times with dense layers of 40 units, the convolution being what is shared), and a twelfth (a 31st)
of the time, since one large product is also quicker than many small ones: `scripts/bench windows` measures it.
Source: Course 4, week 3, "Convolutional implementation of sliding windows"; Sermanet et al. 2014 (OverFeat).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reference.checks import images, maps, whole
from reference.layers.activations import relu
from reference.layers.conv import Conv
from reference.layers.dense import Dense
from reference.layers.flatten import Flatten
from reference.layers.pooling import MaxPool
from reference.module import Chain


@dataclass(frozen=True)
class WindowClassifier(Chain):
    num_classes: int = 4
    c_prev: int = 3
    c: int = 16
    f: int = 5
    hidden: int = 400
    size: int = 14

    @property
    def h(self):
        return (self.size - self.f + 1) // 2

    w = h

    @cached_property
    def parts(self):
        return {
            "conv": Conv(self.c_prev, self.c, self.f),
            "relu": relu,
            "pool": MaxPool(2),
            "flatten": Flatten(),
            "fc1": Dense(self.h * self.w * self.c, self.hidden),
            "relu1": relu,
            "fc2": Dense(self.hidden, self.hidden),
            "relu2": relu,
            "fc3": Dense(self.hidden, self.num_classes),
        }

    def apply(self, p, s, X, *, mode):
        images("X", X, self.c_prev)
        maps("X", X, (self.h, self.w), ((self.f, 1, 0), (2, 2, 0)))
        return super().apply(p, s, X, mode=mode)


@dataclass(frozen=True)
class ConvolutionalWindows(Chain):
    num_classes: int = 4
    c_prev: int = 3
    c: int = 16
    f: int = 5
    hidden: int = 400
    size: int = 14

    @cached_property
    def parts(self):
        return {
            "conv": Conv(self.c_prev, self.c, self.f),
            "relu": relu,
            "pool": MaxPool(2),
            "fc1": Conv(self.c, self.hidden, (self.size - self.f + 1) // 2),
            "relu1": relu,
            "fc2": Conv(self.hidden, self.hidden, 1),
            "relu2": relu,
            "fc3": Conv(self.hidden, self.num_classes, 1),
        }

    def apply(self, p, s, X, *, mode):
        images("X", X, self.c_prev, at_least=(self.size, self.size))
        return super().apply(p, s, X, mode=mode)


def as_filters(W, h, w):
    """The weight [n (h w c)] of a dense layer over h x w maps as the filters [h w c n] of a convolution."""
    if W.ndim != 2 or W.shape[1] % (h * w):
        raise ValueError(f"W has shape {W.shape}; expected (n, {h} * {w} * c), for maps of {h} x {w} pixels")
    return W.T.reshape(h, w, -1, W.shape[0])


def as_convolutions(p, h, w):
    """The parameters of ConvolutionalWindows that compute what WindowClassifier does with p on h x w maps."""
    sizes = {"fc1": (h, w), "fc2": (1, 1), "fc3": (1, 1)}
    moved = {name: {"W": as_filters(p[name]["W"], *size), "b": p[name]["b"][:, 0]} for name, size in sizes.items()}
    return {**p, **moved}


def crop_and_classify(classify, X, size, stride):
    """[m h w n]: the logits [n m] that `classify` gives of every window, `stride` pixels apart."""
    images("X", X, at_least=(size, size))
    whole("stride", stride)
    rows, columns = (range(0, n - size + 1, stride) for n in X.shape[1:3])
    logits = [[classify(X[:, i : i + size, j : j + size]).T for j in columns] for i in rows]
    return np.stack([np.stack(row, axis=1) for row in logits], axis=1)
