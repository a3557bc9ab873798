"""EfficientNet, returning the logits: inverted residual blocks with squeeze and excitation, scaled by one formula."""

from math import ceil, prod

import jax
from flax import nnx

from jax_impl.checks import images, positive
from jax_impl.layers.dense import Dense
from jax_impl.layers.dropout import Dropout
from jax_impl.layers.pooling import GlobalAveragePool
from jax_impl.layers.squeeze_excitation import SqueezeExcitation
from jax_impl.layers.stochastic_depth import StochasticDepth
from jax_impl.nets.mobilenet_v2 import conv_norm, rounded
from jax_impl.sequential import Sequential

STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)

COEFFICIENTS = {  # width, depth, resolution, keep_prob
    "b0": (1.0, 1.0, 224, 0.8),
    "b1": (1.0, 1.1, 240, 0.8),
    "b2": (1.1, 1.2, 260, 0.7),
    "b3": (1.2, 1.4, 300, 0.7),
    "b4": (1.4, 1.8, 380, 0.6),
    "b5": (1.6, 2.2, 456, 0.6),
    "b6": (1.8, 2.6, 528, 0.5),
    "b7": (2.0, 3.1, 600, 0.5),
}


class MBConv(nnx.Module):
    def __init__(
        self,
        c_prev: int,
        c: int,
        f: int = 3,
        stride: int = 1,
        expansion: int = 6,
        keep_prob: float = 1.0,
        *,
        rngs: nnx.Rngs,
    ):
        wide = c_prev * expansion
        expand = [] if expansion == 1 else [conv_norm(c_prev, wide, 1, 1, 1, jax.nn.silu, rngs=rngs)]
        depthwise = conv_norm(wide, wide, f, stride, wide, jax.nn.silu, rngs=rngs)
        gate = SqueezeExcitation(wide, max(1, c_prev // 4), "swish", rngs=rngs)
        self.block = Sequential([*expand, depthwise, gate, conv_norm(wide, c, 1, 1, 1, rngs=rngs)])
        self.stochastic_depth = StochasticDepth(keep_prob, rngs=rngs) if stride == 1 and c_prev == c else None

    def __call__(self, x):
        y = self.block(x)
        return y if self.stochastic_depth is None else x + self.stochastic_depth(y)


class EfficientNet(nnx.Module):
    def __init__(
        self,
        num_classes: int = 1000,
        width: float = 1.0,
        depth: float = 1.0,
        keep_prob: float = 0.8,
        survival_prob: float = 0.8,
        c_prev: int = 3,
        stem: int = 32,
        stages: tuple[tuple[int, int, int, int, int], ...] = STAGES,
        head: int = 1280,
        divisor: int = 8,
        *,
        rngs: nnx.Rngs,
    ):
        positive("width", width)
        positive("depth", depth)
        self.c_prev, self.stride = c_prev, 2 * prod(stride for _, _, _, stride, _ in stages)
        c, head = rounded(width * stem, divisor), rounded(width * head, divisor)
        counts = [ceil(depth * count) for _, _, count, _, _ in stages]
        features, total, i = [conv_norm(c_prev, c, 3, 2, 1, jax.nn.silu, rngs=rngs)], sum(counts), 0
        for (expansion, channels, _, stride, f), count in zip(stages, counts):
            blocks, c_out = [], rounded(width * channels, divisor)
            for j in range(count):
                survival = 1 - (1 - survival_prob) * i / total
                blocks.append(MBConv(c, c_out, f, 1 if j else stride, expansion, survival, rngs=rngs))
                c, i = c_out, i + 1
            features.append(Sequential(blocks))
        self.features = Sequential([*features, conv_norm(c, head, 1, 1, 1, jax.nn.silu, rngs=rngs)])
        self.avgpool = GlobalAveragePool()
        self.classifier = Sequential([Dropout(keep_prob, rngs=rngs), Dense(head, num_classes, rngs=rngs)])

    def __call__(self, x):
        images(x, self.c_prev, at_least=self.stride)
        return self.classifier(self.avgpool(self.features(x)))


def efficientnet(variant="b0", num_classes=1000, *, rngs):
    if variant not in COEFFICIENTS:
        raise ValueError(f"variant is {variant!r}; expected one of {', '.join(map(repr, COEFFICIENTS))}")
    width, depth, _, keep_prob = COEFFICIENTS[variant]
    return EfficientNet(num_classes, width, depth, keep_prob, rngs=rngs)
