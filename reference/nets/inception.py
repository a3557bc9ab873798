"""Inception: filters of several sizes and a pool side by side, and GoogLeNet, a stack of such modules.

    Inception   Y = [1x1, 1x1 -> 3x3, 1x1 -> 5x5, max pool 3x3 -> 1x1] along the channels; relu after each convolution
    GoogLeNet   stem -> nine modules, with two pools between them -> mean -> dropout -> dense
    cost        J = L(Z, Y) + w (L(Z1, Y) + L(Z2, Y)),  w = 0.3           dZ, dZ1, dZ2: each term's own

The 1x1 convolutions before the large filters are bottlenecks, at a tenth of the multiplications: formulas.py.
`auxiliary` heads classify from the middle of the net, so that its early layers get a gradient from nearby; with them
the net returns (logits, logits of head 1, logits of head 2), without them the logits alone, which is all a prediction
needs. Where a head leaves, the gradient is the sum of what comes down the net and what comes back from the head.

`config` has rows (name, channels 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool); pools and heads have no channels.
Pools of stride 2 are "same_tf": even maps are padded at the end, as in the published weights' framework, odd ones on
both sides. h and w are those of the maps that a head flattens, 4 for 224x224 images.
Sources: Course 4, week 2, "Inception network"; Szegedy et al. 2015.
"""

from dataclasses import dataclass
from functools import cached_property

from reference.checks import images, maps
from reference.combinators import Concatenate, Wiring
from reference.layers.activations import relu
from reference.layers.conv import Conv
from reference.layers.dense import Dense
from reference.layers.dropout import Dropout
from reference.layers.flatten import Flatten
from reference.layers.local_response_norm import LocalResponseNorm
from reference.layers.losses import softmax_cross_entropy_from_logits
from reference.layers.pooling import AveragePool, GlobalAveragePool, MaxPool
from reference.module import Chain, Module, Sequence

GOOGLENET = (
    ("inception3a", 64, 96, 128, 16, 32, 32),
    ("inception3b", 128, 128, 192, 32, 96, 64),
    ("pool3",),
    ("inception4a", 192, 96, 208, 16, 48, 64),
    ("aux1",),
    ("inception4b", 160, 112, 224, 24, 64, 64),
    ("inception4c", 128, 128, 256, 24, 64, 64),
    ("inception4d", 112, 144, 288, 32, 64, 64),
    ("aux2",),
    ("inception4e", 256, 160, 320, 32, 128, 128),
    ("pool4",),
    ("inception5a", 256, 160, 320, 32, 128, 128),
    ("inception5b", 384, 192, 384, 48, 128, 128),
)


STEM, POOL, HEAD = ((7, 2, 3), (1, 2, 0), (1, 2, 0)), (1, 2, 0), (5, 3, 0)
"""(f, stride, padding) of what makes maps smaller; of n pixels a pool leaves ceil(n / 2), as one of f = 1 would."""


@dataclass(frozen=True)
class Inception(Concatenate):
    c_prev: int
    c1: int
    c3_reduce: int
    c3: int
    c5_reduce: int
    c5: int
    c_pool: int

    @property
    def c(self):
        return self.c1 + self.c3 + self.c5 + self.c_pool

    @cached_property
    def parts(self):
        narrow3, narrow5 = Conv(self.c_prev, self.c3_reduce, 1), Conv(self.c_prev, self.c5_reduce, 1)
        return {
            "branch1": Sequence(Conv(self.c_prev, self.c1, 1), relu),
            "branch3": Sequence(narrow3, relu, Conv(self.c3_reduce, self.c3, 3, padding=1), relu),
            "branch5": Sequence(narrow5, relu, Conv(self.c5_reduce, self.c5, 5, padding=2), relu),
            "branch_pool": Sequence(MaxPool(3, stride=1, padding=1), Conv(self.c_prev, self.c_pool, 1), relu),
        }


@dataclass(frozen=True)
class AuxiliaryHead(Chain):
    c_prev: int
    num_classes: int
    c: int = 128
    hidden: int = 1024
    keep_prob: float = 0.3
    h: int = 4
    w: int = 4

    @cached_property
    def parts(self):
        return {
            "avgpool": AveragePool(5, stride=3),
            "conv": Conv(self.c_prev, self.c, 1),
            "relu1": relu,
            "flatten": Flatten(),
            "fc1": Dense(self.h * self.w * self.c, self.hidden),
            "relu2": relu,
            "dropout": Dropout(self.keep_prob),
            "fc2": Dense(self.hidden, self.num_classes),
        }

    def apply(self, p, s, A_prev, *, mode):
        images("A_prev", A_prev, self.c_prev)
        maps("A_prev", A_prev, (self.h, self.w), (HEAD,))
        return super().apply(p, s, A_prev, mode=mode)


@dataclass(frozen=True)
class GoogLeNet(Module):
    num_classes: int = 1000
    auxiliary: bool = False
    keep_prob: float = 0.6
    c_prev: int = 3
    stem: tuple[int, int, int] = (64, 64, 192)
    config: tuple[tuple, ...] = GOOGLENET
    head: tuple[int, int] = (128, 1024)
    h: int = 4
    w: int = 4

    @property
    def c(self):
        return self.head[0]

    @property
    def stride(self):
        return 8 * 2 ** sum(name.startswith("pool") for name, *_ in self.config)

    @cached_property
    def parts(self):
        c1, c2, c = self.stem
        parts = {
            "stem": Sequence(
                Conv(self.c_prev, c1, 7, stride=2, padding=3),
                relu,
                MaxPool(3, stride=2, padding="same_tf"),
                LocalResponseNorm(),
                Conv(c1, c2, 1),
                relu,
                Conv(c2, c, 3, padding=1),
                relu,
                LocalResponseNorm(),
                MaxPool(3, stride=2, padding="same_tf"),
            )
        }
        for name, *channels in self.config:
            if channels:
                parts[name] = Inception(c, *channels)
                c = parts[name].c
            elif name.startswith("pool"):
                parts[name] = MaxPool(3, stride=2, padding="same_tf")
            elif self.auxiliary:
                parts[name] = AuxiliaryHead(c, self.num_classes, *self.head, h=self.h, w=self.w)
        return parts | {
            "avgpool": GlobalAveragePool(),
            "dropout": Dropout(self.keep_prob),
            "fc": Dense(c, self.num_classes),
        }

    def apply(self, p, s, X, *, mode):
        heads = head_steps(self.config) if self.auxiliary else ()
        images("X", X, self.c_prev, at_least=(1, 1) if heads else (self.stride, self.stride))
        for steps in heads:
            maps("X", X, (self.h, self.w), steps)
        run = Wiring(self, p, s, mode)
        A, heads, backs = X, {}, {}
        for name in self.parts:
            if name.startswith("aux"):
                heads[name], backs[name] = run(name, A)
            else:
                A, backs[name] = run(name, A)

        def back(dZ, *dheads):
            dp, dA, dheads = {}, dZ, dict(zip(heads, dheads))
            for name in reversed(backs):
                dA = dA + backs[name](dp, dheads[name]) if name in heads else backs[name](dp, dA)
            return dp, dA

        return (A, *heads.values()) if heads else A, run.state, back


def head_steps(config):
    """For each auxiliary head of a GoogLeNet the steps from the image to the maps that it flattens."""
    steps, heads = STEM, ()
    for name, *_ in config:
        if name.startswith("pool"):
            steps = (*steps, POOL)
        elif name.startswith("aux"):
            heads = (*heads, (*steps, HEAD))
    return heads


def auxiliary_cost(Z, Z1, Z2, Y, weight=0.3):
    (J, back), (J1, back1), (J2, back2) = (softmax_cross_entropy_from_logits(logits, Y) for logits in (Z, Z1, Z2))

    def back_sum(dJ):
        return back(dJ), back1(weight * dJ), back2(weight * dJ)

    return J + weight * (J1 + J2), back_sum
