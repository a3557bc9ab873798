"""Sliding windows: a classifier of small images looks everywhere in a large one, crop by crop or all at once.

`ConvolutionalWindows` has the dense layers of `WindowClassifier` as convolutions; its windows are 2 pixels apart.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from jax_impl.checks import images, maps, whole
from jax_impl.layers.conv import Conv
from jax_impl.layers.dense import Dense
from jax_impl.layers.flatten import Flatten
from jax_impl.layers.pooling import MaxPool


class WindowClassifier(nnx.Module):
    def __init__(
        self,
        num_classes: int = 4,
        c_prev: int = 3,
        c: int = 16,
        f: int = 5,
        hidden: int = 400,
        size: int = 14,
        *,
        rngs: nnx.Rngs,
    ):
        h = (size - f + 1) // 2
        self.c_prev, self.size, self.steps = c_prev, (h, h), ((f, 1, 0), (2, 2, 0))
        self.conv = Conv(c_prev, c, f, rngs=rngs)
        self.pool = MaxPool(2)
        self.flatten = Flatten()
        self.fc1 = Dense(h * h * c, hidden, rngs=rngs)
        self.fc2 = Dense(hidden, hidden, rngs=rngs)
        self.fc3 = Dense(hidden, num_classes, rngs=rngs)

    def __call__(self, x):
        images(x, self.c_prev)
        maps(x, self.size, self.steps)
        x = self.flatten(self.pool(jax.nn.relu(self.conv(x))))
        return self.fc3(jax.nn.relu(self.fc2(jax.nn.relu(self.fc1(x)))))


class ConvolutionalWindows(nnx.Module):
    def __init__(
        self,
        num_classes: int = 4,
        c_prev: int = 3,
        c: int = 16,
        f: int = 5,
        hidden: int = 400,
        size: int = 14,
        *,
        rngs: nnx.Rngs,
    ):
        self.c_prev, self.size = c_prev, size
        self.conv = Conv(c_prev, c, f, rngs=rngs)
        self.pool = MaxPool(2)
        self.fc1 = Conv(c, hidden, (size - f + 1) // 2, rngs=rngs)
        self.fc2 = Conv(hidden, hidden, 1, rngs=rngs)
        self.fc3 = Conv(hidden, num_classes, 1, rngs=rngs)

    def __call__(self, x):
        images(x, self.c_prev, at_least=self.size)
        x = self.pool(jax.nn.relu(self.conv(x)))
        return self.fc3(jax.nn.relu(self.fc2(jax.nn.relu(self.fc1(x)))))


def as_filters(kernel, h, w):
    """The kernel [(h w c) n] of a dense layer over h x w maps as the filters [h w c n] of a convolution."""
    if kernel.ndim != 2 or kernel.shape[0] % (h * w):
        raise ValueError(f"kernel has shape {kernel.shape}; expected ({h} * {w} * c, n), for maps of {h} x {w} pixels")
    return kernel.reshape(h, w, -1, kernel.shape[1])


def as_convolutions(state, h, w):
    """The parameters, as a pure dict, of ConvolutionalWindows that compute what WindowClassifier does with `state`."""
    sizes = {"fc1": (h, w), "fc2": (1, 1), "fc3": (1, 1)}
    moved = {name: {**state[name], "kernel": as_filters(state[name]["kernel"], *size)} for name, size in sizes.items()}
    return {**state, **moved}


def crop_and_classify(classify, x, size, stride):
    """[m h w n]: the logits [m n] that `classify` gives of every window, `stride` pixels apart."""
    images(x, x.shape[3], at_least=size)
    whole("stride", stride)
    rows, columns = (range(0, n - size + 1, stride) for n in x.shape[1:3])
    logits = [[classify(x[:, i : i + size, j : j + size]) for j in columns] for i in rows]
    return jnp.stack([jnp.stack(row, axis=1) for row in logits], axis=1)
