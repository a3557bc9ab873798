"""A net with one hidden layer, returning the logits."""

from torch import nn

from torch_impl.checks import one_of
from torch_impl.layers.activations import ACTIVATIONS
from torch_impl.layers.dense import Dense


class ShallowNet(nn.Module):
    def __init__(self, n_x: int, n_h: int, n_y: int = 1, activation: str = "tanh"):
        super().__init__()
        self.hidden = Dense(n_x, n_h)
        one_of("activation", activation, ACTIVATIONS)
        self.activation = ACTIVATIONS[activation]
        self.output = Dense(n_h, n_y)

    def forward(self, x):
        return self.output(self.activation(self.hidden(x)))
