"""Flatten: m c h w -> m (c h w), channels first, which the weights of the next dense layer have to know."""

from torch import nn


class Flatten(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, x):
        return x.flatten(start_dim=1)
