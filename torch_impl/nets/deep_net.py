"""An L-layer net: blocks of dense -> batch norm -> activation -> dropout, the last one plain, returning the logits."""

from itertools import pairwise

from torch import nn

from torch_impl.checks import one_of
from torch_impl.layers.activations import ACTIVATIONS
from torch_impl.layers.batch_norm import BatchNorm
from torch_impl.layers.dense import Dense
from torch_impl.layers.dropout import Dropout


class DenseBlock(nn.Module):
    def __init__(self, n_prev: int, n: int, activation: str = "relu", batch_norm: bool = False, keep_prob: float = 1.0):
        super().__init__()
        self.dense = Dense(n_prev, n, bias=not batch_norm)
        self.norm = BatchNorm(n) if batch_norm else None
        one_of("activation", activation, ACTIVATIONS)
        self.activation = ACTIVATIONS[activation]
        self.dropout = Dropout(keep_prob) if keep_prob < 1 else None

    def forward(self, x):
        x = self.dense(x)
        if self.norm is not None:
            x = self.norm(x)
        x = self.activation(x)
        return x if self.dropout is None else self.dropout(x)


class DeepNet(nn.Module):
    def __init__(
        self,
        layer_dims: tuple[int, ...],
        activations: tuple[str, ...] | None = None,
        batch_norm: bool = False,
        keep_prob: float = 1.0,
    ):
        super().__init__()
        pairs = list(pairwise(layer_dims))
        *hidden, last = activations or ["relu"] * (len(pairs) - 1) + ["linear"]
        self.layers = nn.ModuleList(
            DenseBlock(n_prev, n, activation, batch_norm, keep_prob) for (n_prev, n), activation in zip(pairs, hidden)
        )
        self.layers.append(DenseBlock(*pairs[-1], last))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
