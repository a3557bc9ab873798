"""Dense (fully connected) layer: `torch.nn.Linear`, y = x W^T + b."""

from torch import nn


class Dense(nn.Linear):
    def __init__(self, n_prev: int, n: int, bias: bool = True):
        super().__init__(n_prev, n, bias=bias)
