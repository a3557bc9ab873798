"""AlexNet, returning the logits."""

import jax
from flax import nnx

from jax_impl.checks import images, maps
from jax_impl.layers.conv import Conv
from jax_impl.layers.dense import Dense
from jax_impl.layers.dropout import Dropout
from jax_impl.layers.flatten import Flatten
from jax_impl.layers.local_response_norm import LocalResponseNorm
from jax_impl.layers.pooling import MaxPool
from jax_impl.sequential import Sequential

STEPS = ((11, 4, 2), (3, 2, 0), (5, 1, 2), (3, 2, 0), *3 * ((3, 1, 1),), (3, 2, 0))
"""(f, stride, padding) of the convolutions and pools that lie before the dense layers."""


class AlexNet(nnx.Module):
    def __init__(
        self,
        num_classes: int = 1000,
        keep_prob: float = 0.5,
        local_response_norm: bool = False,
        c_prev: int = 3,
        channels: tuple[int, ...] = (64, 192, 384, 256, 256),
        hidden: int = 4096,
        h: int = 6,
        w: int = 6,
        *,
        rngs: nnx.Rngs,
    ):
        self.c_prev, self.size = c_prev, (h, w)
        c1, c2, c3, c4, c5 = channels
        relu = jax.nn.relu

        def norm():
            return [LocalResponseNorm()] if local_response_norm else []

        features = [Conv(c_prev, c1, 11, stride=4, padding=2, rngs=rngs), relu, *norm(), MaxPool(3, stride=2)]
        features += [Conv(c1, c2, 5, padding=2, rngs=rngs), relu, *norm(), MaxPool(3, stride=2)]
        for before, after in ((c2, c3), (c3, c4), (c4, c5)):
            features += [Conv(before, after, 3, padding=1, rngs=rngs), relu]
        self.features = Sequential([*features, MaxPool(3, stride=2)])
        self.flatten = Flatten()
        self.classifier = Sequential(
            [
                Dropout(keep_prob, rngs=rngs),
                Dense(h * w * c5, hidden, rngs=rngs),
                relu,
                Dropout(keep_prob, rngs=rngs),
                Dense(hidden, hidden, rngs=rngs),
                relu,
                Dense(hidden, num_classes, rngs=rngs),
            ]
        )

    def __call__(self, x):
        images(x, self.c_prev)
        maps(x, self.size, STEPS)
        return self.classifier(self.flatten(self.features(x)))
