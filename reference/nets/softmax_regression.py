"""Softmax regression: one dense layer to n_y classes; returns the logits Z [n_y m], softmax of which is A.

Source: Course 2, week 3, "Softmax regression".
"""

from dataclasses import dataclass
from functools import cached_property

from reference.layers.dense import Dense
from reference.module import Chain


@dataclass(frozen=True)
class SoftmaxRegression(Chain):
    n_x: int
    n_y: int

    @cached_property
    def parts(self):
        return {"dense": Dense(self.n_x, self.n_y)}
