"""Trains a net of the reference."""

from __future__ import annotations

from typing import Any

from crosscheck.axes import Array
from crosscheck.jobs import learner
from crosscheck.jobs.learner import Weights
from reference.module import Mode, flatten, nest


class Learner(learner.Learner):
    column = "numpy"
    images = "(h w c) m -> m h w c"

    def array(self, values: Array) -> Array:
        return values

    def build(self, weights: Weights, state: Weights) -> None:
        self.module = self.net(**self.job.arguments)
        self.p, self.s = weights, nest(state)
        self.moments = self.optimizer(alpha=1.0).init(self.p)

    def step(self, X: Array, Y: Array) -> Any:
        Z, self.s, back = self.module(nest(self.p), self.s, X, mode=Mode(train=True, data=True))
        J, back_cost = self.cost(Z, Y)
        dp, _ = back(back_cost(1))
        update = self.optimizer(alpha=self.alpha(self.epoch)).step
        self.p, self.moments = update(self.p, flatten(dp), self.moments)
        return J

    def own_weights(self) -> Weights:
        return self.p

    def outputs(self, X: Array) -> Any:
        Z, _, _ = self.module(nest(self.p), self.s, X)
        return Z
