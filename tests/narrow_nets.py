"""What the tests of places that keep float32 have in common."""

import torch
from torch import nn

from crosscheck.twins.compare import compare

BATCH = "x: n c = 6 5"


class Unit(nn.Module):
    """A parameter times a function of what goes in."""

    def __init__(self, function):
        super().__init__()
        self.weight, self.function = nn.Parameter(torch.linspace(0.5, 1.5, 7)), function

    def forward(self, x):
        return self.weight * self.function(x)


def either_way(one, other):
    for first, second in ((one, other), (other, one)):
        yield compare(first, second, BATCH)
