"""Batch normalization whose running statistics have the dtype of the parameters and use the two-pass variance.

`nnx.BatchNorm` keeps them in float32 whatever the model's dtype, and computes E[x^2] - E[x]^2 by default
(CONVENTIONS.md, "Batch norm"). `momentum` is the weight of the old value, as everywhere in flax. As in flax, half
precision is normalized in float32: the derivative of rsqrt is a cube, which overflows float16.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from jax_impl.checks import floats


class BatchNorm(nnx.Module):
    def __init__(self, n: int, momentum: float = 0.9, epsilon: float = 1e-5, *, rngs: nnx.Rngs):
        self.scale = nnx.Param(jnp.ones(n))
        self.bias = nnx.Param(jnp.zeros(n))
        self.mean = nnx.BatchStat(jnp.zeros(n))
        self.var = nnx.BatchStat(jnp.ones(n))
        self.momentum = momentum
        self.epsilon = epsilon
        self.use_running_average = False

    def __call__(self, x):
        floats(x)
        if x.shape[-1] != self.scale.shape[0]:
            raise ValueError(f"x has shape {x.shape}, so {x.shape[-1]} units; expected {self.scale.shape[0]}")
        if not self.use_running_average and x.size == x.shape[-1]:
            raise ValueError(f"x has shape {x.shape}, one number a unit; a variance needs at least 2")
        wide = jnp.promote_types(x.dtype, jnp.float32)
        if self.use_running_average:
            mean, var = self.mean[...].astype(wide), self.var[...].astype(wide)
        else:
            axes = tuple(range(x.ndim - 1))
            mean, var = x.mean(axes, dtype=wide), x.var(axes, dtype=wide)
            self.track(self.mean, mean)
            self.track(self.var, var)
        y = (x - mean) * jax.lax.rsqrt(var + self.epsilon) * self.scale[...] + self.bias[...]
        return y.astype(x.dtype)

    def track(self, running, batch):
        """running <- momentum running + (1 - momentum) batch"""
        running[...] = (self.momentum * running[...] + (1 - self.momentum) * batch).astype(running.dtype)
