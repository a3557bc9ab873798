"""Network in network: after each convolution a small dense net at every pixel; the logits are means of class maps."""

import jax
from flax import nnx

from jax_impl.checks import images
from jax_impl.layers.conv import Conv
from jax_impl.layers.dropout import Dropout
from jax_impl.layers.pooling import AveragePool, GlobalAveragePool, MaxPool


class MLPConv(nnx.Module):
    def __init__(self, c_prev: int, channels: tuple[int, int, int], f: int, *, rngs: nnx.Rngs):
        c1, c2, c3 = channels
        self.conv1 = Conv(c_prev, c1, f, padding="same", rngs=rngs)
        self.conv2 = Conv(c1, c2, 1, rngs=rngs)
        self.conv3 = Conv(c2, c3, 1, rngs=rngs)

    def __call__(self, x):
        for conv in (self.conv1, self.conv2, self.conv3):
            x = jax.nn.relu(conv(x))
        return x


class NetworkInNetwork(nnx.Module):
    def __init__(
        self,
        num_classes: int = 10,
        keep_prob: float = 0.5,
        c_prev: int = 3,
        channels: tuple[tuple[int, ...], ...] = ((192, 160, 96), (192, 192, 192), (192, 192)),
        *,
        rngs: nnx.Rngs,
    ):
        first, second, last = channels
        self.c_prev = c_prev
        self.mlpconv1 = MLPConv(c_prev, first, 5, rngs=rngs)
        self.pool1 = MaxPool(3, stride=2, padding=1)
        self.dropout1 = Dropout(keep_prob, rngs=rngs)
        self.mlpconv2 = MLPConv(first[-1], second, 5, rngs=rngs)
        self.pool2 = AveragePool(3, stride=2, padding=1)
        self.dropout2 = Dropout(keep_prob, rngs=rngs)
        self.mlpconv3 = MLPConv(second[-1], (*last, num_classes), 3, rngs=rngs)
        self.avgpool = GlobalAveragePool()

    def __call__(self, x):
        images(x, self.c_prev, at_least=4)
        x = self.dropout1(self.pool1(self.mlpconv1(x)))
        x = self.dropout2(self.pool2(self.mlpconv2(x)))
        return self.avgpool(self.mlpconv3(x))
