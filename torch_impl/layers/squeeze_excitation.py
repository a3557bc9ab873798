"""Squeeze and excitation: each channel is scaled by a gate that has seen the whole image."""

import torch
from torch import nn

from torch_impl.checks import one_of
from torch_impl.layers.activations import ACTIVATIONS
from torch_impl.layers.conv import Conv


class SqueezeExcitation(nn.Module):
    def __init__(self, c: int, c_squeeze: int, activation: str = "relu"):
        super().__init__()
        self.fc1 = Conv(c, c_squeeze, 1)
        one_of("activation", activation, ACTIVATIONS)
        self.activation = ACTIVATIONS[activation]
        self.fc2 = Conv(c_squeeze, c, 1)

    def forward(self, x):
        q = x.mean(dim=(2, 3), keepdim=True)
        return x * torch.sigmoid(self.fc2(self.activation(self.fc1(q))))
