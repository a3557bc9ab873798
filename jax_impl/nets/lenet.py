"""LeNet-5, returning the logits: tanh and average pooling as published, relu and max pooling as modernized."""

from flax import nnx

from jax_impl.checks import images, maps, one_of
from jax_impl.layers.activations import ACTIVATIONS
from jax_impl.layers.conv import Conv
from jax_impl.layers.dense import Dense
from jax_impl.layers.flatten import Flatten
from jax_impl.layers.pooling import AveragePool, MaxPool

POOLS = {"average": AveragePool, "max": MaxPool}
STEPS = ((5, 1, 0), (2, 2, 0), (5, 1, 0), (2, 2, 0))
"""(f, stride, padding) of the convolutions and pools that lie before the dense layers."""


class LeNet5(nnx.Module):
    def __init__(
        self,
        num_classes: int = 10,
        activation: str = "tanh",
        pool: str = "average",
        c_prev: int = 1,
        channels: tuple[int, int] = (6, 16),
        units: tuple[int, int] = (120, 84),
        h: int = 5,
        w: int = 5,
        *,
        rngs: nnx.Rngs,
    ):
        self.c_prev, self.size = c_prev, (h, w)
        (c1, c2), (n1, n2) = channels, units
        one_of("activation", activation, ACTIVATIONS)
        one_of("pool", pool, POOLS)
        self.activation = ACTIVATIONS[activation]
        self.conv1 = Conv(c_prev, c1, 5, rngs=rngs)
        self.pool1 = POOLS[pool](2)
        self.conv2 = Conv(c1, c2, 5, rngs=rngs)
        self.pool2 = POOLS[pool](2)
        self.flatten = Flatten()
        self.fc1 = Dense(h * w * c2, n1, rngs=rngs)
        self.fc2 = Dense(n1, n2, rngs=rngs)
        self.fc3 = Dense(n2, num_classes, rngs=rngs)

    def __call__(self, x):
        images(x, self.c_prev)
        maps(x, self.size, STEPS)
        x = self.pool1(self.activation(self.conv1(x)))
        x = self.pool2(self.activation(self.conv2(x)))
        x = self.activation(self.fc1(self.flatten(x)))
        return self.fc3(self.activation(self.fc2(x)))
