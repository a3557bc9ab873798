"""Inverted dropout: each unit is kept with probability keep_prob, and what is kept is scaled up to keep the mean.

    D = U < keep_prob,  U uniform on [0, 1)          A = A_prev D / keep_prob          dA_prev = dA D / keep_prob

In eval mode it is the identity. Source: Course 2, week 1, "Dropout regularization".
"""

from dataclasses import dataclass

from reference.module import Module


@dataclass(frozen=True)
class Dropout(Module):
    keep_prob: float

    def __post_init__(self):
        if not 0 < self.keep_prob <= 1:
            raise ValueError(f"keep_prob is {self.keep_prob}; expected a probability in (0, 1]")

    def apply(self, p, s, A_prev, *, mode):
        if not mode.train:
            return A_prev, s, lambda dA: ({}, dA)
        D = mode.uniform(mode.path, A_prev.shape) < self.keep_prob

        def back(dA):
            return {}, dA * D / self.keep_prob

        return A_prev * D / self.keep_prob, s, back
