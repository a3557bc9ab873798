"""Sliding windows: a classifier of small images looks everywhere in a large one, crop by crop or all at once.

`ConvolutionalWindows` has the dense layers of `WindowClassifier` as convolutions; its windows are 2 pixels apart.
"""

import torch
from torch import nn

from torch_impl.checks import images, maps, whole
from torch_impl.layers.conv import Conv
from torch_impl.layers.dense import Dense
from torch_impl.layers.flatten import Flatten
from torch_impl.layers.pooling import MaxPool


class WindowClassifier(nn.Module):
    def __init__(
        self, num_classes: int = 4, c_prev: int = 3, c: int = 16, f: int = 5, hidden: int = 400, size: int = 14
    ):
        super().__init__()
        h = (size - f + 1) // 2
        self.c_prev, self.size, self.steps = c_prev, (h, h), ((f, 1, 0), (2, 2, 0))
        self.conv = Conv(c_prev, c, f)
        self.pool = MaxPool(2)
        self.flatten = Flatten()
        self.fc1 = Dense(c * h * h, hidden)
        self.fc2 = Dense(hidden, hidden)
        self.fc3 = Dense(hidden, num_classes)

    def forward(self, x):
        images(x, self.c_prev)
        maps(x, self.size, self.steps)
        x = self.flatten(self.pool(torch.relu(self.conv(x))))
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x)))))


class ConvolutionalWindows(nn.Module):
    def __init__(
        self, num_classes: int = 4, c_prev: int = 3, c: int = 16, f: int = 5, hidden: int = 400, size: int = 14
    ):
        super().__init__()
        self.c_prev, self.size = c_prev, size
        self.conv = Conv(c_prev, c, f)
        self.pool = MaxPool(2)
        self.fc1 = Conv(c, hidden, (size - f + 1) // 2)
        self.fc2 = Conv(hidden, hidden, 1)
        self.fc3 = Conv(hidden, num_classes, 1)

    def forward(self, x):
        images(x, self.c_prev, at_least=self.size)
        x = self.pool(torch.relu(self.conv(x)))
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x)))))


def as_filters(weight, h, w):
    """The weight [n (c h w)] of a dense layer over h x w maps as the filters [n c h w] of a convolution."""
    if weight.ndim != 2 or weight.shape[1] % (h * w):
        raise ValueError(f"weight has shape {tuple(weight.shape)}; expected (n, c * {h} * {w}), for maps {h} x {w}")
    return weight.reshape(len(weight), -1, h, w)


def as_convolutions(state, h, w):
    """The state_dict of ConvolutionalWindows that computes what WindowClassifier does with `state` on h x w maps."""
    sizes = {"fc1.weight": (h, w), "fc2.weight": (1, 1), "fc3.weight": (1, 1)}
    return {**state, **{name: as_filters(state[name], *size) for name, size in sizes.items()}}


def crop_and_classify(classify, x, size, stride):
    """[m n h w]: the logits [m n] that `classify` gives of every window, `stride` pixels apart."""
    images(x, x.shape[1], at_least=size)
    whole("stride", stride)
    rows, columns = (range(0, n - size + 1, stride) for n in x.shape[2:])
    logits = [[classify(x[:, :, i : i + size, j : j + size]) for j in columns] for i in rows]
    return torch.stack([torch.stack(row, dim=2) for row in logits], dim=2)
