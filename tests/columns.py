"""The three columns behind one face, for tests that run the same lines through each of them.

Arrays go in and come out as NumPy float64 in the reference's axes (examples as columns, W [n n_prev], b [n 1]); each
class below converts to its framework's own and back. Parameters are flat dicts {"layers.0.dense.W": array}.
"""

import importlib
from functools import cache, partial
from itertools import pairwise

import numpy as np
import pytest

NAMES = ("reference", "torch_impl", "jax_impl")
COST = "layers.losses.logistic_loss_from_logits"


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

    # single arrays: this framework's own, and its axes

    def array(self, values):
        return np.asarray(values)

    def numpy(self, values):
        return np.asarray(values)

    def examples(self, X):
        """Data [n m], examples as columns, as this framework has it; and back again."""
        return X

    def kernel(self, W):
        """A weight [n n_prev] or [fh fw c_prev c] as this framework has it."""
        return W

    # functions and nets, with their pullbacks

    def value(self, result):
        """What a function of this column computed, without the pullback that the reference returns beside it."""
        return result[0]

    def call(self, target, X, *data, **settings):
        """The function's value at X, and its pullback to X."""
        return self.get(target)(X, *data, **settings)

    def forward(self, target, arguments, uniforms=None):
        """The net as a function `f(p, X) -> Z, back` of this framework's own arrays, in the reference's axes.

        With dropout's uniform numbers {path: U} it is in train mode, otherwise in eval mode.
        """
        from reference.module import Mode, flatten, nest

        net = self.get(target)(**arguments)
        mode = Mode() if uniforms is None else Mode(train=True, uniform=lambda path, shape: uniforms[path])

        def f(p, X):
            Z, _, back = net(nest(p), {}, X, mode=mode)

            def back_flat(dZ):
                dp, dX = back(dZ)
                return flatten(dp), dX

            return Z, back_flat

        return f

    def net(self, target, arguments, p, X, uniforms=None):
        """The net's output and its pullback `dZ -> dp, dX`."""
        return self.forward(target, arguments, uniforms)(p, X)

    def slope(self, f, W):
        """The gradient of the number f(W)."""
        _, back = f(W)
        return back(1)

    def compiled(self, f):
        """The same function, compiled where that saves time."""
        return f

    # optimizers and training

    def optimizer(self, rule, **settings):
        return self.get(f"training.optimizers.{rule}")(**settings)

    def walk(self, optimizer, p, gradient, steps):
        """The parameters after each of the steps."""
        state = optimizer.init(p)
        for _ in range(steps):
            p, state = optimizer.step(p, gradient(p), state)
            yield p

    def step(self, optimizer, p, g, t=1):
        """The t-th step, from moments that are still zero: parameters and moments {"v": ..., "s": ...} after it."""
        p, state = optimizer.step(p, g, optimizer.init(p) | {"t": t - 1})
        return p, state

    def train(self, target, arguments, p, X, Y, orders, size, alpha, rule="gradient_descent", keep=(), **settings):
        """Train with the mean logistic loss, an order of the examples and a learning rate alpha(epoch) for each epoch.

        Gives the cost of each epoch (the mean over its examples, each before the update it takes part in) and the
        parameters after each number of epochs in `keep`.
        """
        f, cost = self.forward(target, arguments), self.get(COST)
        mini_batches = self.get("training.mini_batches.mini_batches")
        state = self.optimizer(rule, alpha=alpha(0), **settings).init(p)
        costs, kept = [], {}
        for epoch, order in enumerate(orders):
            optimizer, total = self.optimizer(rule, alpha=alpha(epoch), **settings), 0
            for X_t, Y_t in mini_batches(X, Y, size, order):
                Z, back = f(p, X_t)
                J, back_cost = cost(Z, Y_t)
                p, state = optimizer.step(p, back(back_cost(1))[0], state)
                total += J * X_t.shape[1]
            costs.append(total / X.shape[1])
            if epoch + 1 in keep:
                kept[epoch + 1] = p
        return np.array(costs), kept


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

    def value(self, result):
        return result

    def call(self, target, X, *data, **settings):
        import torch

        X = self.array(np.asarray(X, float).T).requires_grad_()
        Y = self.get(target)(X, *(self.array(np.asarray(values, float).T) for values in data), **settings)

        def back(dY):
            return self.numpy(torch.autograd.grad(Y, X, self.array(np.asarray(dY, float).T), retain_graph=True)[0]).T

        return self.numpy(Y).T, back

    def forward(self, target, arguments, uniforms=None):
        import torch

        module = self.module(target, arguments).train(uniforms is not None)
        for path, U in (uniforms or {}).items():
            module.get_submodule(path).uniform = lambda x, U=U: self.array(U.T)

        def f(p, X):
            own = {self.own_path(path): W[:, 0] if path.endswith("b") else W for path, W in p.items()}
            return torch.func.functional_call(module, own, (X.T,)).T

        return f

    def module(self, target, arguments):
        return self.get(target)(**arguments).double()

    def own_path(self, path):
        """ "fc.W" is "fc.weight" here."""
        return path[:-1] + {"W": "weight", "b": "bias"}[path[-1]]

    def net(self, target, arguments, p, X, uniforms=None):
        import torch

        p, X = {path: self.array(W).requires_grad_() for path, W in p.items()}, self.array(X).requires_grad_()
        Z = self.forward(target, arguments, uniforms)(p, X)

        def back(dZ):
            *dp, dX = torch.autograd.grad(Z, [*p.values(), X], self.array(dZ), retain_graph=True)
            return dict(zip(p, map(self.numpy, dp))), self.numpy(dX)

        return self.numpy(Z), back

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

    def step(self, optimizer, p, g, t=1):
        import torch

        leaves = {path: self.array(W).requires_grad_() for path, W in p.items()}
        optimizer = optimizer(leaves.values())
        for path, W in leaves.items():
            W.grad = self.array(g[path])
            if t > 1:
                unmoved = {name: torch.zeros_like(W) for name in ("exp_avg", "exp_avg_sq")}
                optimizer.state[W] = {"step": torch.tensor(t - 1.0)} | unmoved
        optimizer.step()
        moments = {}
        for moment, name in (("v", "exp_avg"), ("s", "exp_avg_sq"), ("v", "momentum_buffer")):
            if all(optimizer.state[W].get(name) is not None for W in leaves.values()):
                gain = 1 - optimizer.defaults["momentum"] if name == "momentum_buffer" else 1
                moments[moment] = {path: gain * self.numpy(optimizer.state[W][name]) for path, W in leaves.items()}
        return {path: self.numpy(W) for path, W in leaves.items()}, moments

    def train(self, target, arguments, p, X, Y, orders, size, alpha, rule="gradient_descent", keep=(), **settings):
        import torch

        module, cost = self.module(target, arguments), self.get(COST)
        own = {path: module.get_parameter(self.own_path(path)) for path in p}
        for path, parameter in own.items():
            parameter.data = self.array(p[path]).view_as(parameter)
        X, Y = self.array(X.T), self.array(Y.T.astype(float))
        optimizer = self.optimizer(rule, alpha=1.0, **settings)(module.parameters())
        rate = torch.optim.lr_scheduler.LambdaLR(optimizer, alpha)
        costs, kept = [], {}
        for epoch, order in enumerate(orders):
            total = 0
            for X_t, Y_t in self.get("training.mini_batches.mini_batches")(X, Y, size, order):
                optimizer.zero_grad()
                J = cost(module(X_t), Y_t)
                J.backward()
                optimizer.step()
                total += J.detach() * len(X_t)
            rate.step()
            costs.append(float(total / len(X)))
            if epoch + 1 in keep:
                kept[epoch + 1] = {path: self.numpy(own[path]).reshape(W.shape).copy() for path, W in p.items()}
        return np.array(costs), kept


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

    def value(self, result):
        return result

    def call(self, target, X, *data, **settings):
        import jax

        def f(X, *data):
            return jax.vjp(lambda X: self.get(target)(X, *data, **settings), X)

        Y, back = jax.jit(f)(*(np.asarray(values, float).T for values in (X, *data)))
        return np.asarray(Y).T, lambda dY: np.asarray(jax.jit(back)(np.asarray(dY, float).T)[0]).T

    def forward(self, target, arguments, uniforms=None):
        from flax import nnx

        graph, values = nnx.split(self.get(target)(**arguments, rngs=nnx.Rngs(0)))

        def f(p, X):
            module = nnx.merge(graph, values)
            for path, W in p.items():
                parent, _, name = path.rpartition(".")
                layer = descend(module, parent)
                if name == "W":
                    layer.kernel = nnx.Param(W.T)
                else:
                    layer.bias = nnx.Param(W[:, 0])
            for path, U in (uniforms or {}).items():
                descend(module, path).uniform = lambda x, U=U: U.T
            return module(X.T).T

        return f

    def net(self, target, arguments, p, X, uniforms=None):
        import jax

        f = self.forward(target, arguments, uniforms)
        Z, back = jax.jit(lambda p, X: jax.vjp(f, p, X))(p, X)

        def back_numpy(dZ):
            dp, dX = jax.jit(back)(self.array(dZ))
            return {path: np.asarray(g) for path, g in dp.items()}, np.asarray(dX)

        return np.asarray(Z), back_numpy

    def slope(self, f, W):
        import jax

        return jax.grad(f)(W)

    def compiled(self, f):
        import jax

        return jax.jit(f)

    def walk(self, optimizer, p, gradient, steps):
        import jax
        import optax

        update, state = jax.jit(optimizer.update), optimizer.init(p)
        for _ in range(steps):
            updates, state = update(gradient(p), state, p)
            p = {path: np.asarray(W) for path, W in optax.apply_updates(p, updates).items()}
            yield p

    def step(self, optimizer, p, g, t=1):
        import optax

        state = optimizer.init(p)
        if t > 1:
            state = optax.tree_utils.tree_set(state, count=self.array(t - 1))
        updates, state = optimizer.update(g, state, p)
        moments = {}
        for moment, name in (("v", "mu"), ("v", "trace"), ("s", "nu")):
            if (kept := optax.tree_utils.tree_get(state, name)) is not None:
                moments[moment] = kept
        return optax.apply_updates(p, updates), moments

    def train(self, target, arguments, p, X, Y, orders, size, alpha, rule="gradient_descent", keep=(), **settings):
        run = jax_trainer(self, target, tuple(arguments.items()), rule, tuple(settings.items()), size)
        rates = np.array([alpha(epoch) for epoch in range(len(orders))], float)
        carry = p, self.optimizer(rule, alpha=rates[0], **settings).init(p)
        costs, kept = [], {}
        for first, last in pairwise(sorted({0, *keep, len(orders)})):
            carry, part = run(carry, orders[first:last], rates[first:last], X.T, Y.T.astype(float))
            costs.append(part)
            kept[last] = {path: np.asarray(W) for path, W in carry[0].items()}
        return np.concatenate(costs), kept


@cache
def jax_trainer(col, target, arguments, rule, settings, size):
    """Many epochs in one compiled function, which runs that differ only in their data and rates share."""
    import jax
    import optax

    f, cost = col.forward(target, dict(arguments)), col.get(COST)
    mini_batches = col.get("training.mini_batches.mini_batches")
    cost_and_gradient = jax.value_and_grad(lambda p, X_t, Y_t: cost(f(p, X_t.T).T, Y_t))

    def epoch(X, Y, carry, order, alpha):
        (p, state), total = carry, 0
        optimizer = col.optimizer(rule, alpha=alpha, **dict(settings))
        for X_t, Y_t in mini_batches(X, Y, size, order):
            J, g = cost_and_gradient(p, X_t, Y_t)
            updates, state = optimizer.update(g, state, p)
            p, total = optax.apply_updates(p, updates), total + J * len(X_t)
        return (p, state), total / len(X)

    @jax.jit
    def run(carry, orders, rates, X, Y):
        return jax.lax.scan(lambda carry, now: epoch(X, Y, carry, *now), carry, (orders, rates))

    return run


def descend(module, path):
    """The submodule at the dotted path."""
    for part in filter(None, path.split(".")):
        module = module[int(part)] if part.isdigit() else getattr(module, part)
    return module
