"""Softmax regression: one dense layer to n_y classes, returning the logits."""

from torch import nn

from torch_impl.layers.dense import Dense


class SoftmaxRegression(nn.Module):
    def __init__(self, n_x: int, n_y: int):
        super().__init__()
        self.dense = Dense(n_x, n_y)

    def forward(self, x):
        return self.dense(x)
