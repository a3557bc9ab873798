"""One layer of a column, built from its settings and given images in the reference's axes."""

import inspect

import numpy as np
import pytest

from crosscheck import registry

COLUMNS = [
    pytest.param(name, marks=pytest.mark.skipif(bool(registry.missing(name)), reason=registry.missing(name)))
    for name in registry.PACKAGES
]


def built(column, target, **arguments):
    found = registry.find(column, target)
    if column == "jax" and "rngs" in inspect.signature(found.__init__).parameters:
        from flax import nnx

        arguments["rngs"] = nnx.Rngs(0)
    return found(**arguments)


def applied(column, target, shape, dtype=np.float32, **arguments):
    """The layer in train mode on zeros of a shape in the reference's axes."""
    layer, X = built(column, target, **arguments), np.zeros(shape, dtype)
    if column == "numpy":
        from reference.module import Mode, nest, shapes

        p, s = (
            nest({k: np.ones(v, np.float32) for k, v in shapes(layer, kind).items()}) for kind in ("params", "state")
        )
        return layer(p, s, X, mode=Mode(train=True))[0]
    if column == "torch":
        import torch

        return layer.train()(torch.tensor(X.transpose(0, 3, 1, 2)))
    return layer(X)
