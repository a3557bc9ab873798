"""An L-layer net: L blocks of dense -> batch norm -> activation -> dropout, the last one plain.

A dense layer that feeds batch norm has no bias: the mean would take it away again, and beta does its work.
`layer_dims` is [n_x, n_1, ..., n_L]; `activations` names g for each of the L layers (relu, and linear for the last, if
not given), so that the net returns logits. Sources: Course 1, week 4; Course 2, weeks 1 and 3.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from reference.checks import one_of
from reference.layers.activations import ACTIVATIONS
from reference.layers.batch_norm import BatchNorm
from reference.layers.dense import Dense
from reference.layers.dropout import Dropout
from reference.module import Chain, Sequence


@dataclass(frozen=True)
class DenseBlock(Chain):
    n_prev: int
    n: int
    activation: str = "relu"
    batch_norm: bool = False
    keep_prob: float = 1.0

    def __post_init__(self):
        one_of("activation", self.activation, ACTIVATIONS)

    @cached_property
    def parts(self):
        parts = {"dense": Dense(self.n_prev, self.n, bias=not self.batch_norm)}
        if self.batch_norm:
            parts["norm"] = BatchNorm(self.n)
        parts["activation"] = ACTIVATIONS[self.activation]
        if self.keep_prob < 1:
            parts["dropout"] = Dropout(self.keep_prob)
        return parts


@dataclass(frozen=True)
class DeepNet(Chain):
    layer_dims: tuple[int, ...]
    activations: tuple[str, ...] | None = None
    batch_norm: bool = False
    keep_prob: float = 1.0

    @cached_property
    def parts(self):
        pairs = list(pairwise(self.layer_dims))
        *hidden, last = self.activations or ["relu"] * (len(pairs) - 1) + ["linear"]
        blocks = [
            DenseBlock(n_prev, n, activation, self.batch_norm, self.keep_prob)
            for (n_prev, n), activation in zip(pairs, hidden)
        ]
        return {"layers": Sequence(*blocks, DenseBlock(*pairs[-1], last))}
