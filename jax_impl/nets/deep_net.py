"""An L-layer net: blocks of dense -> batch norm -> activation -> dropout, the last one plain, returning the logits."""

from itertools import pairwise

from flax import nnx

from jax_impl.checks import one_of
from jax_impl.layers.activations import ACTIVATIONS
from jax_impl.layers.batch_norm import BatchNorm
from jax_impl.layers.dense import Dense
from jax_impl.layers.dropout import Dropout


class DenseBlock(nnx.Module):
    def __init__(
        self,
        n_prev: int,
        n: int,
        activation: str = "relu",
        batch_norm: bool = False,
        keep_prob: float = 1.0,
        *,
        rngs: nnx.Rngs,
    ):
        self.dense = Dense(n_prev, n, bias=not batch_norm, rngs=rngs)
        self.norm = BatchNorm(n, rngs=rngs) if batch_norm else None
        one_of("activation", activation, ACTIVATIONS)
        self.activation = ACTIVATIONS[activation]
        self.dropout = Dropout(keep_prob, rngs=rngs) if keep_prob < 1 else None

    def __call__(self, x):
        x = self.dense(x)
        if self.norm is not None:
            x = self.norm(x)
        x = self.activation(x)
        return x if self.dropout is None else self.dropout(x)


class DeepNet(nnx.Module):
    def __init__(
        self,
        layer_dims: tuple[int, ...],
        activations: tuple[str, ...] | None = None,
        batch_norm: bool = False,
        keep_prob: float = 1.0,
        *,
        rngs: nnx.Rngs,
    ):
        pairs = list(pairwise(layer_dims))
        *hidden, last = activations or ["relu"] * (len(pairs) - 1) + ["linear"]
        blocks = [
            DenseBlock(n_prev, n, activation, batch_norm, keep_prob, rngs=rngs)
            for (n_prev, n), activation in zip(pairs, hidden)
        ]
        self.layers = nnx.List([*blocks, DenseBlock(*pairs[-1], last, rngs=rngs)])

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
