"""Stochastic depth: in training a residual branch is kept, for each example on its own, with probability keep_prob.

    D = U < keep_prob,  U [m 1 1 1] uniform on [0, 1)          Y = X D / keep_prob             dX = dY D / keep_prob

What is kept is scaled up, so in eval mode it is the identity; X [m h w c] is a branch that is about to be added to its
shortcut, which is all that remains of a dropped example's block. Sources: Huang et al. 2016; Tan & Le 2019.
"""

from dataclasses import dataclass

from reference.checks import images, probability
from reference.module import Module


@dataclass(frozen=True)
class StochasticDepth(Module):
    keep_prob: float

    def __post_init__(self):
        probability("keep_prob", self.keep_prob)

    def apply(self, p, s, X, *, mode):
        images("X", X)
        if not mode.train:
            return X, s, lambda dY: ({}, dY)
        D = mode.uniform(mode.path, (X.shape[0], 1, 1, 1)) < self.keep_prob

        def back(dY):
            return {}, dY * D / self.keep_prob

        return X * D / self.keep_prob, s, back
