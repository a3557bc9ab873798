"""Activations; softmax and hardmax act on the last axis (the units of one example).

At the kink: `torch.relu` and `leaky_relu` have derivative 0 and `slope` at 0 (CONVENTIONS.md, "Ties and kinks").
"""

import torch
import torch.nn.functional as F


def sigmoid(z):
    return torch.sigmoid(z)


def tanh(z):
    return torch.tanh(z)


def relu(z):
    return torch.relu(z)


def leaky_relu(z, slope=0.01):
    return F.leaky_relu(z, negative_slope=slope)


def relu6(z):
    return F.relu6(z)


def swish(z):
    return F.silu(z)


def softmax(z):
    return torch.softmax(z, dim=-1)


def hardmax(z):
    return F.one_hot(z.argmax(dim=-1), num_classes=z.shape[-1]).to(z.dtype)


def linear(z):
    return z


ACTIVATIONS = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "relu6": relu6,
    "swish": swish,
    "silu": swish,
    "softmax": softmax,
    "linear": linear,
}
