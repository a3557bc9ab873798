"""A net being trained in one column with that column's own parts; what the columns share is here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from einops import rearrange

from crosscheck import registry
from crosscheck.axes import Array, parse
from crosscheck.jobs.data import DataSet
from crosscheck.jobs.table import Job
from crosscheck.layout import join
from reference.module import shapes

Weights = Mapping[str, Array]


class Learner(ABC):
    """`weights` and `state` come in the reference's axes, and so do `weights()` and `logits()` go out."""

    column: str
    images: str
    """The pattern that makes the column's images of the column's own X."""

    def __init__(self, job: Job, weights: Weights, state: Weights, training: DataSet):
        self.job = job
        self.layout = join(registry.find("numpy", job.net)(**job.arguments), self.column)
        self.net = self.find(job.net)
        self.cost = self.find(job.cost)
        self.alpha = self.find(f"training.schedules.{job.schedule}")(**job.schedule_arguments)
        self.epoch = 0
        X, self.Y = self.data(training.X), self.data(training.Y)
        self.mu, self.sigma2 = self.find("training.normalization.input_statistics")(X)
        self.X = self.normalized(X)
        self.build(self.layout.to_column(weights, True), self.layout.to_column(state, False))

    def find(self, target: str) -> Any:
        return registry.find(self.column, target)

    def data(self, values: Array) -> Any:
        """X or Y [n m] as this column has it."""
        return self.array(self.layout.data_to_column(values, "n m"))

    def normalized(self, X: Any) -> Any:
        """By the statistics of the training set, unless they are images."""
        if self.job.image:
            return X
        return self.find("training.normalization.normalize")(X, self.mu, self.sigma2)

    def batches(self, order: Array) -> Any:
        """The mini-batches (X_t, Y_t) of an epoch."""
        cut = self.find("training.mini_batches.mini_batches")
        return ((self.as_inputs(X), Y) for X, Y in cut(self.X, self.Y, self.job.batch_size, self.array(order)))

    def as_inputs(self, X: Any) -> Any:
        """Examples as the net takes them."""
        image = parse(self.job.image)
        return rearrange(X, self.images, **dict(zip(image.axes.split(), image.sizes))) if self.job.image else X

    def optimizer(self, *args: Any, alpha: Any) -> Any:
        rule = self.find(f"training.optimizers.{self.job.optimizer}")
        return rule(*args, alpha=alpha, **self.job.optimizer_arguments)

    def weights(self) -> Weights:
        return self.layout.from_column(self.own_weights(), trainable=True)

    def logits(self, X: Array) -> Array:
        """The net's outputs [n_y m] in eval mode for examples [n m] it has not seen."""
        return self.layout.data_from_column(self.outputs(self.as_inputs(self.normalized(self.data(X)))), "n m")

    def end_epoch(self) -> None:
        self.epoch += 1

    @abstractmethod
    def array(self, values: Array) -> Any: ...

    @abstractmethod
    def build(self, weights: Weights, state: Weights) -> None: ...

    @abstractmethod
    def step(self, X: Any, Y: Any) -> Any:
        """One step of the optimizer on one mini-batch; returns the cost before it."""

    @abstractmethod
    def own_weights(self) -> Weights:
        """The parameters as NumPy arrays under this column's own paths, in its own axes."""

    @abstractmethod
    def outputs(self, X: Any) -> Array: ...


class Started(Protocol):
    """What says where a training starts."""

    @property
    def net(self) -> str: ...
    @property
    def arguments(self) -> Mapping[str, Any]: ...
    @property
    def initializer(self) -> str: ...


def starting_point(job: Started, seed: int) -> tuple[Weights, Weights]:
    """Where every column starts: weights from the job's initializer, biases 0, gamma 1; running mu 0 and sigma2 1."""
    net = registry.find("numpy", job.net)(**job.arguments)
    initializer = registry.find("numpy", f"training.initializers.{job.initializer}")
    rng = np.random.default_rng(seed)
    weights = {
        path: initializer(rng.standard_normal(shape)) if path.endswith("W") else constant(path, shape)
        for path, shape in shapes(net).items()
    }
    return weights, {path: constant(path, shape) for path, shape in shapes(net, "state").items()}


def constant(path: str, shape: tuple[int, ...]) -> Array:
    return np.full(shape, 1.0 if path.endswith(("gamma", "sigma2")) else 0.0)
