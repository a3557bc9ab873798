"""Trains a net of the JAX column: one jitted step, compiled once for each size of mini-batch."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from crosscheck.axes import Array
from crosscheck.backends.jax_backend import configure
from crosscheck.backends.jax_watch import path_of
from crosscheck.jobs import learner
from crosscheck.jobs.learner import Weights


class Learner(learner.Learner):
    column = "jax"
    images = "m (h w c) -> m h w c"

    def array(self, values: Array) -> jax.Array:
        configure()
        return jnp.asarray(values)

    def build(self, weights: Weights, state: Weights) -> None:
        model = nnx.eval_shape(lambda: self.net(**self.job.arguments, rngs=nnx.Rngs(0)))
        start = {**weights, **state}
        variables = nnx.to_flat_state(nnx.state(model))
        nnx.update(
            model, nnx.from_flat_state([(keys, v.replace(self.array(start[path_of(keys)]))) for keys, v in variables])
        )
        model.eval()
        evaluated, self.params, self.statistics = nnx.split(model, nnx.Param, nnx.BatchStat)
        model.train()
        trained, _, _ = nnx.split(model, nnx.Param, nnx.BatchStat)
        steps_per_epoch = -(-self.X.shape[0] // self.job.batch_size)
        self.descent = self.optimizer(alpha=lambda count: self.alpha(count // steps_per_epoch))
        self.moments = self.descent.init(self.params)
        self.update = jax.jit(self.training_step(trained))
        self.forward = jax.jit(lambda params, statistics, X: nnx.merge(evaluated, params, statistics)(X))

    def training_step(self, graph: Any) -> Any:
        def run(params: Any, statistics: Any, moments: Any, X: Any, Y: Any) -> Any:
            def cost(params: Any) -> Any:
                model = nnx.merge(graph, params, statistics, copy=True)
                return self.cost(model(X), Y), nnx.state(model, nnx.BatchStat)

            (value, after), gradients = jax.value_and_grad(cost, has_aux=True)(params)
            updates, moved = self.descent.update(gradients, moments, params)
            return value, optax.apply_updates(params, updates), after, moved

        return run

    def step(self, X: jax.Array, Y: jax.Array) -> Any:
        value, self.params, self.statistics, self.moments = self.update(
            self.params, self.statistics, self.moments, X, Y
        )
        return float(value)

    def own_weights(self) -> Weights:
        return {path_of(keys): np.asarray(v.get_value()) for keys, v in nnx.to_flat_state(self.params)}

    def outputs(self, X: jax.Array) -> Array:
        return np.asarray(self.forward(self.params, self.statistics, X))
