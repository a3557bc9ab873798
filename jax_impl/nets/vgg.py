"""VGG, returning the logits."""

from numbers import Integral

import jax
from flax import nnx

from jax_impl.checks import images, maps
from jax_impl.layers.batch_norm_2d import BatchNorm2d
from jax_impl.layers.conv import Conv
from jax_impl.layers.dense import Dense
from jax_impl.layers.dropout import Dropout
from jax_impl.layers.flatten import Flatten
from jax_impl.layers.pooling import MaxPool
from jax_impl.sequential import Sequential

VGG16 = (64, 64, "pool", 128, 128, "pool", *3 * (256,), "pool", *3 * (512,), "pool", *3 * (512,), "pool")


class VGG(nnx.Module):
    def __init__(
        self,
        config: tuple[int | str, ...] = VGG16,
        num_classes: int = 1000,
        batch_norm: bool = False,
        keep_prob: float = 0.5,
        c_prev: int = 3,
        hidden: int = 4096,
        h: int = 7,
        w: int = 7,
        *,
        rngs: nnx.Rngs,
    ):
        channels = [c for c in config if c != "pool"]
        if not channels or not all(isinstance(c, Integral) and c >= 1 for c in channels):
            raise ValueError(f"config is {config}; expected numbers of channels, at least one, and 'pool'")
        self.c_prev, self.size = c_prev, (h, w)
        self.steps = tuple((2, 2, 0) if c == "pool" else (3, 1, 1) for c in config)
        features = []
        for c in config:
            if c == "pool":
                features.append(MaxPool(2))
                continue
            features.append(Conv(c_prev, c, 3, padding=1, rngs=rngs))
            if batch_norm:
                features.append(BatchNorm2d(c, rngs=rngs))
            features.append(jax.nn.relu)
            c_prev = c
        self.features = Sequential(features)
        self.flatten = Flatten()
        self.classifier = Sequential(
            [
                Dense(h * w * c_prev, hidden, rngs=rngs),
                jax.nn.relu,
                Dropout(keep_prob, rngs=rngs),
                Dense(hidden, hidden, rngs=rngs),
                jax.nn.relu,
                Dropout(keep_prob, rngs=rngs),
                Dense(hidden, num_classes, rngs=rngs),
            ]
        )

    def __call__(self, x):
        images(x, self.c_prev)
        maps(x, self.size, self.steps)
        return self.classifier(self.flatten(self.features(x)))


def vgg16(num_classes=1000, batch_norm=False, *, rngs):
    return VGG(VGG16, num_classes, batch_norm, rngs=rngs)
