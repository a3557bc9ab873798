"""Stochastic depth: a residual branch is kept or dropped for each example as a whole; the draw can be handed in."""

import torch
from torch import nn


class StochasticDepth(nn.Module):
    def __init__(self, keep_prob: float):
        super().__init__()
        if not 0 < keep_prob <= 1:
            raise ValueError(f"keep_prob is {keep_prob}; expected a probability in (0, 1]")
        self.keep_prob = keep_prob

    def uniform(self, x):
        return torch.rand_like(x[:, :1, :1, :1])

    def forward(self, x):
        if not self.training:
            return x
        return x * (self.uniform(x) < self.keep_prob) / self.keep_prob
