"""What a network is in the reference: a value that maps parameters, state and inputs to an output and its pullback.

A module is a frozen dataclass whose fields are its configuration; it holds no arrays. Calling it gives

    Y, state, back = module(p, s, X, mode=mode)        dp, dX = back(dY)

where `p` and `s` are nested dicts that mirror the tree of parts, `state` is the running state afterwards (a new value)
and `back` is the pullback: from the gradient of the cost by the output to its gradients by the parameters and inputs.
A function without parameters (an activation, a loss) is simpler still: `A, back = relu(Z)`, `dZ = back(dA)`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np


def unobserved(path, X, Y, back):
    """The default observer: sees every module's inputs, output and pullback, and changes nothing."""
    return Y, back


def unseeded(path, shape):
    """The default source of uniform numbers on [0, 1), for dropout."""
    return np.random.default_rng().random(shape)


@dataclass(frozen=True)
class Mode:
    """How a pass is made: train or eval, where dropout's uniform numbers come from, who watches, and where we are.

    uniform(path, shape) -> array on [0, 1);  watch(path, X, Y, back) -> Y, back;  `mode / "fc1"` goes one part down.
    Parts whose paths are `frozen` are in eval mode whatever the rest is in. `data`: the input is data, whose gradient
    nobody asks for; a chain tells its first part so, and a convolution gives None in its place.
    """

    train: bool = False
    uniform: Callable = unseeded
    watch: Callable = unobserved
    path: str = ""
    frozen: tuple[str, ...] = ()
    data: bool = False

    def __truediv__(self, name):
        path = f"{self.path}.{name}" if self.path else name
        return replace(self, path=path, train=self.train and path not in self.frozen, data=False)


class Module:
    """A differentiable map. Subclasses state `params` and `state` as named axes, e.g. {"W": "n n_prev"}, whose sizes
    are attributes of the module, and `parts`, the submodules by name in the order of the forward pass."""

    params: Mapping[str, str] = {}
    state: Mapping[str, str] = {}
    parts: Mapping[str, "Module | Callable"] = {}

    def __call__(self, p, s, *X, mode=Mode()):
        Y, s, back = self.apply(p, s, *X, mode=mode)
        Y, back = mode.watch(mode.path, X, Y, back)
        return Y, s, back

    def apply(self, p, s, *X, mode):
        """The forward pass: output, state afterwards, pullback."""
        raise NotImplementedError(f"{type(self).__name__} states no forward pass")


class Layer(Module):
    """A module without running state that is the same in train and eval: `forward(p, *X) -> Y, back`."""

    def apply(self, p, s, *X, mode):
        Y, back = self.forward(p, *X)
        return Y, s, back


class Chain(Module):
    """Y = f_L(... f_2(f_1(X))), the parts in order; the pullback runs the parts' pullbacks in reverse."""

    def apply(self, p, s, A, *, mode):
        s, backs = dict(s), []
        for name, part in self.parts.items():
            if isinstance(part, Module):
                inner = replace(mode / name, data=True) if mode.data and not backs else mode / name
                A, s_part, back_part = part(p.get(name, {}), s.get(name, {}), A, mode=inner)
                if s_part:
                    s[name] = s_part
                backs.append((name, back_part))
            else:
                A, back_part = part(A)
                backs.append((None, back_part))

        def back(dA):
            dp = {}
            for name, back_part in reversed(backs):
                if name is None:
                    dA = back_part(dA)
                else:
                    dp_part, dA = back_part(dA)
                    if dp_part:
                        dp[name] = dp_part
            return dp, dA

        return A, s, back


class Sequence(Chain):
    """A chain of the given modules, named "0", "1", ... in order; a container, which is not watched itself."""

    def __init__(self, *modules):
        self.parts = {str(i): module for i, module in enumerate(modules)}

    def __call__(self, p, s, *X, mode=Mode()):
        return self.apply(p, s, *X, mode=mode)


def walk(module: Module, path: str = "") -> Iterator[tuple[str, Module]]:
    """Every module of the tree with its dotted path, parents before their parts."""
    yield path, module
    for name, part in module.parts.items():
        if isinstance(part, Module):
            yield from walk(part, f"{path}.{name}" if path else name)


def shape_of(module: Module, axes: str) -> tuple[int, ...]:
    """The sizes of named axes: an axis is the module's attribute of that name, or the number 1."""
    return tuple(1 if axis == "1" else getattr(module, axis) for axis in axes.split())


def shapes(module: Module, kind: str = "params") -> dict[str, tuple[int, ...]]:
    """The shape of every entry of `kind` ("params" or "state") under its dotted path."""
    return {
        f"{path}.{name}" if path else name: shape_of(part, axes)
        for path, part in walk(module)
        for name, axes in getattr(part, kind).items()
    }


def flatten(tree: Mapping, path: str = "") -> dict:
    """{"fc": {"W": w}} -> {"fc.W": w}"""
    flat = {}
    for name, value in tree.items():
        key = f"{path}.{name}" if path else name
        flat |= flatten(value, key) if isinstance(value, Mapping) else {key: value}
    return flat


def nest(flat: Mapping) -> dict:
    """{"fc.W": w} -> {"fc": {"W": w}}"""
    tree: dict = {}
    for path, value in flat.items():
        *parents, name = path.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = value
    return tree
