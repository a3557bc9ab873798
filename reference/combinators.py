"""How parts are wired when they do not simply follow each other: the backward pass is the forward lines in reverse.

    Residual      A = g(F(X) + S(X))                          dX = F'(dZ) + S'(dZ),  dZ = g'(dA)
    Concatenate   Y = [f_1(X), f_2(X), ...] along channels    dX = sum of what each branch sends back for its slice
    Wiring        any other: a module calls its parts by name and keeps their pullbacks

    run = Wiring(self, p, s, mode)
    A, back_a = run("a", X)
    B, back_b = run("b", A)
    Y = A + B                       def back(dY):
                                        dp = {}
                                        dA = dY + back_b(dp, dY)
    return Y, run.state, back           return dp, back_a(dp, dA)

A sum of branches passes dY to each of them, and a value that is used twice gets the sum of both gradients.
Source: Course 4, week 2, "ResNets" and "Inception network".
"""

from itertools import accumulate, pairwise

import numpy as np

from reference import kernels
from reference.kernels.elementwise import add as fast_add
from reference.layers.activations import ACTIVATIONS
from reference.module import Module


class Wiring:
    """One pass through the parts of a module: `state` collects their running state, each pullback adds to a given dp.

    A part may run more than once (shared weights); its gradients add up.
    """

    def __init__(self, module, p, s, mode):
        self.parts, self.p, self.state, self.mode = module.parts, p, dict(s), mode

    def __call__(self, name, *X):
        """The output of the part, and its pullback `back(dp, dY) -> dX` (a tuple if it has several inputs)."""
        part = self.parts[name]
        if not isinstance(part, Module):
            Y, back_function = part(*X)
            return Y, lambda dp, *dY: back_function(*dY)
        Y, s, back_part = part(self.p.get(name, {}), self.state.get(name, {}), *X, mode=self.mode / name)
        if s:
            self.state[name] = s

        def back(dp, *dY):
            dp_part, *dX = back_part(*dY)
            if dp_part:
                dp[name] = added(dp[name], dp_part) if name in dp else dp_part
            return dX[0] if len(X) == 1 else tuple(dX)

        return Y, back

    def chain(self, names, A):
        """The parts of these names, one after the other."""
        backs = []
        for name in names:
            A, back_part = self(name, A)
            backs.append(back_part)

        def back(dp, dA):
            for back_part in reversed(backs):
                dA = back_part(dp, dA)
            return dA

        return A, back


def added(tree, other):
    """The sums of two nested dicts of gradients of the same parts."""
    if not isinstance(tree, dict):
        return tree + other
    return {name: added(tree[name], other[name]) for name in tree}


def sum_of_branches(A, B):
    """A + B, of images by the kernel."""
    return fast_add(A, B) if kernels.suit(A, B) and A.ndim == 4 and A.shape == B.shape else A + B


class Residual(Module):
    """F chains the parts in order, but for the one named `shortcut`, which is S (the identity if there is none).

    g is the `activation` after the sum.
    """

    shortcut = "downsample"
    activation = "relu"

    def apply(self, p, s, X, *, mode):
        run = Wiring(self, p, s, mode)
        Z, back_main = run.chain([name for name in self.parts if name != self.shortcut], X)
        S, back_shortcut = run(self.shortcut, X) if self.shortcut in self.parts else (X, lambda dp, dZ: dZ)
        A, back_activation = ACTIVATIONS[self.activation](sum_of_branches(Z, S))

        def back(dA):
            dp, dZ = {}, back_activation(dA)
            return dp, sum_of_branches(back_main(dp, dZ), back_shortcut(dp, dZ))

        return A, run.state, back


class Concatenate(Module):
    """The parts are branches that all see X; their outputs are laid side by side along the last axis, the channels."""

    def apply(self, p, s, X, *, mode):
        run = Wiring(self, p, s, mode)
        outputs, backs = zip(*(run(name, X) for name in self.parts))
        ends = accumulate((Y.shape[-1] for Y in outputs), initial=0)
        slices = [slice(start, end) for start, end in pairwise(ends)]

        def back(dY):
            dp = {}
            return dp, sum(back_branch(dp, dY[..., part]) for back_branch, part in zip(backs, slices))

        return np.concatenate(outputs, axis=-1), run.state, back
