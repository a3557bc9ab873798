"""Mistakes in jax_impl/layers/dense.py. In the deep net only the second layer errs."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from crosscheck.faults.catalogue import Site, rows
from crosscheck.faults.jax_faults.numbers import as_tf32, scaled_gradient

LAYER, NET = Site("layers.dense.Dense"), Site("nets.deep_net.DeepNet", "layers.1.dense")

row = rows("jax", "dense", where="jax_impl.layers.dense:Dense.__call__", only=lambda self: self.out_features in (5, 7))

FAULTS = [
    row(
        "kernel reshaped where it should be transposed",
        lambda call: lambda self, x: x @ self.kernel[...].T.reshape(self.kernel.shape) + self.bias[...],
        LAYER,
        NET,
        evidence=("linear-kernel-transpose",),
    ),
    row("bias dropped", lambda call: lambda self, x: x @ self.kernel[...], LAYER),
    row("bias subtracted", lambda call: lambda self, x: x @ self.kernel[...] - self.bias[...], LAYER),
    row(
        "input cut off from the gradient",
        lambda call: lambda self, x: call(self, jax.lax.stop_gradient(x)),
        LAYER,
        NET,
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    row(
        "bias gradient averaged over the batch",
        lambda call: lambda self, x: x @ self.kernel[...] + scaled_gradient(self.bias[...], 1 / len(x)),
        LAYER,
        bites="gradient",
    ),
    row(
        "kernel gradient missing: its values are used, not it",
        lambda call: lambda self, x: x @ jax.lax.stop_gradient(self.kernel[...]) + self.bias[...],
        LAYER,
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    row(
        "operands rounded to TF32",
        lambda call: lambda self, x: as_tf32(x) @ as_tf32(self.kernel[...]) + self.bias[...],
        LAYER,
        NET,
        bites="precision",
        evidence=("matmul-f32-precision-cpu",),
    ),
    row(
        "product in float32 inside a float64 net",
        lambda call: (
            lambda self, x: (
                jnp.matmul(x.astype(jnp.float32), self.kernel[...].astype(jnp.float32)).astype(x.dtype) + self.bias[...]
            )
        ),
        LAYER,
        bites="precision",
        evidence=("float64-silently-float32",),
    ),
    row(
        "written with einsum",
        lambda call: lambda self, x: jnp.einsum("mi,io->mo", x, self.kernel[...]) + self.bias[...],
        LAYER,
        bites="nothing",
    ),
]
