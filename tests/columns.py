"""The three columns behind one face, for tests that run the same lines through each of them.

Arrays go in and come out as NumPy float64 in the reference's axes (examples as columns, W [n n_prev]); each class below
converts to its framework's own and back. Parameters are flat dicts {"layers.0.dense.W": array}.
"""

import importlib
from functools import cache, partial

import numpy as np
import pytest

NAMES = ("reference", "torch_impl", "jax_impl")


@cache
def column(name):
    """The column of that name; the test is skipped if its framework is not installed."""
    if name == "reference":
        return Reference()
    if name == "torch_impl":
        pytest.importorskip("torch")
        return Torch()
    for needed in ("jax", "flax", "optax"):
        pytest.importorskip(needed)
    return Jax()


class Reference:
    name = "reference"

    def get(self, target):
        """What the dotted name `target` below this column's package stands for."""
        module, _, name = target.rpartition(".")
        return getattr(importlib.import_module(f"{self.name}.{module}"), name)

    def array(self, values):
        """An array of this framework, float64 unless it holds whole numbers or truth values."""
        return np.asarray(values)

    def numpy(self, values):
        return np.asarray(values)

    def examples(self, X):
        """Data [n m], examples as columns, as this framework has it."""
        return X

    def kernel(self, W):
        """A weight [n n_prev] or [fh fw c_prev c] as this framework has it."""
        return W

    def slope(self, f, W):
        """The gradient of the number f(W)."""
        _, back = f(W)
        return back(1)

    def optimizer(self, rule, **settings):
        return self.get(f"training.optimizers.{rule}")(**settings)

    def walk(self, optimizer, p, gradient, steps):
        """The parameters after each of the steps."""
        state = optimizer.init(p)
        for _ in range(steps):
            p, state = optimizer.step(p, gradient(p), state)
            yield p


class Torch(Reference):
    name = "torch_impl"

    def array(self, values):
        import torch

        return torch.tensor(np.asarray(values))

    def numpy(self, values):
        return values.detach().numpy()

    def examples(self, X):
        return X.T

    def kernel(self, W):
        return W if W.ndim == 2 else W.transpose(3, 2, 0, 1)

    def slope(self, f, W):
        import torch

        return torch.autograd.grad(f(W.requires_grad_()), W)[0]

    def optimizer(self, rule, **settings):
        return partial(self.get(f"training.optimizers.{rule}"), **settings)

    def walk(self, optimizer, p, gradient, steps):
        leaves = {path: self.array(W).requires_grad_() for path, W in p.items()}
        optimizer = optimizer(leaves.values())
        for _ in range(steps):
            for path, g in gradient({path: self.numpy(W) for path, W in leaves.items()}).items():
                leaves[path].grad = self.array(g)
            optimizer.step()
            yield {path: self.numpy(W).copy() for path, W in leaves.items()}


class Jax(Reference):
    name = "jax_impl"

    def __init__(self):
        import jax

        jax.config.update("jax_enable_x64", True)

    def array(self, values):
        import jax.numpy as jnp

        return jnp.asarray(values)

    def examples(self, X):
        return X.T

    def kernel(self, W):
        return W.T if W.ndim == 2 else W

    def slope(self, f, W):
        import jax

        return jax.grad(f)(W)

    def walk(self, optimizer, p, gradient, steps):
        import jax
        import optax

        update, state = jax.jit(optimizer.update), optimizer.init(p)
        for _ in range(steps):
            updates, state = update(gradient(p), state, p)
            p = {path: np.asarray(W) for path, W in optax.apply_updates(p, updates).items()}
            yield p
