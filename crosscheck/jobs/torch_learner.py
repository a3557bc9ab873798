"""Trains a net of the PyTorch column."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from crosscheck.axes import Array
from crosscheck.jobs import learner
from crosscheck.jobs.learner import Weights


class Learner(learner.Learner):
    column = "torch"
    images = "m (h w c) -> m c h w"

    def array(self, values: Array) -> torch.Tensor:
        return torch.from_numpy(np.array(values))

    def build(self, weights: Weights, state: Weights) -> None:
        self.module = self.net(**self.job.arguments).double()
        start = {name: self.array(value) for name, value in {**weights, **state}.items()}
        self.module.load_state_dict({**self.module.state_dict(), **start})
        self.descent = self.optimizer(self.module.parameters(), alpha=1.0)
        self.decay = torch.optim.lr_scheduler.LambdaLR(self.descent, self.alpha)

    def step(self, X: torch.Tensor, Y: torch.Tensor) -> Any:
        self.module.train()
        self.descent.zero_grad()
        cost = self.cost(self.module(X), Y)
        cost.backward()
        self.descent.step()
        return cost.item()

    def end_epoch(self) -> None:
        self.decay.step()

    def own_weights(self) -> Weights:
        return {name: value.detach().numpy().copy() for name, value in self.module.named_parameters()}

    def outputs(self, X: torch.Tensor) -> Any:
        self.module.eval()
        with torch.no_grad():
            return self.module(X).numpy()
