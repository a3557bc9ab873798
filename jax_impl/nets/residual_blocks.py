"""The notes' identity block and convolutional block, with the padding and epsilon of the assignment (TensorFlow's)."""

import jax
from flax import nnx

from jax_impl.layers.batch_norm_2d import BatchNorm2d
from jax_impl.layers.conv import Conv
from jax_impl.sequential import Sequential

EPSILON = 1e-3


class IdentityBlock(nnx.Module):
    projects = False

    def __init__(self, c_prev: int, filters: tuple[int, int, int], f: int = 3, *, rngs: nnx.Rngs):
        c1, c2, c3 = filters
        if not self.projects and c_prev != c3:
            raise ValueError(f"c_prev is {c_prev}; expected filters[2] = {c3}, as x itself is added to what comes out")
        self.conv1 = Conv(c_prev, c1, 1, bias=False, rngs=rngs)
        self.bn1 = BatchNorm2d(c1, epsilon=EPSILON, rngs=rngs)
        self.conv2 = Conv(c1, c2, f, padding="same_tf", bias=False, rngs=rngs)
        self.bn2 = BatchNorm2d(c2, epsilon=EPSILON, rngs=rngs)
        self.conv3 = Conv(c2, c3, 1, bias=False, rngs=rngs)
        self.bn3 = BatchNorm2d(c3, epsilon=EPSILON, rngs=rngs)

    def main(self, x):
        x = jax.nn.relu(self.bn1(self.conv1(x)))
        x = jax.nn.relu(self.bn2(self.conv2(x)))
        return self.bn3(self.conv3(x))

    def __call__(self, x):
        return jax.nn.relu(self.main(x) + x)


class ConvolutionalBlock(IdentityBlock):
    projects = True

    def __init__(self, c_prev: int, filters: tuple[int, int, int], f: int = 3, stride: int = 2, *, rngs: nnx.Rngs):
        super().__init__(c_prev, filters, f, rngs=rngs)
        c1, _, c3 = filters
        self.conv1 = Conv(c_prev, c1, 1, stride, bias=False, rngs=rngs)
        projection = Conv(c_prev, c3, 1, stride, bias=False, rngs=rngs), BatchNorm2d(c3, epsilon=EPSILON, rngs=rngs)
        self.downsample = Sequential(projection)

    def __call__(self, x):
        return jax.nn.relu(self.main(x) + self.downsample(x))
