"""A net with one hidden layer: Z2 = W2 g(W1 x + b1) + b2; returns the logits Z2 [n_y m].

Source: Course 1, week 3.
"""

from dataclasses import dataclass
from functools import cached_property

from reference.checks import one_of
from reference.layers.activations import ACTIVATIONS
from reference.layers.dense import Dense
from reference.module import Chain


@dataclass(frozen=True)
class ShallowNet(Chain):
    n_x: int
    n_h: int
    n_y: int = 1
    activation: str = "tanh"

    def __post_init__(self):
        one_of("activation", self.activation, ACTIVATIONS)

    @cached_property
    def parts(self):
        return {
            "hidden": Dense(self.n_x, self.n_h),
            "activation": ACTIVATIONS[self.activation],
            "output": Dense(self.n_h, self.n_y),
        }
