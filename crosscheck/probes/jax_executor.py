"""JAX's operations, jitted, each as an inner product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from crosscheck.axes import Array
from crosscheck.backends import jax_backend as _configured  # noqa: F401  (float64 and the compilation cache)
from crosscheck.probes.readings import Operation

NHWC = ("NHWC", "HWIO", "NHWC")
WIDTH = 16
"""Units or channels of the layers whose bias gradients are probed."""


def operations(device: str) -> Mapping[str, Operation]:
    where = jax.devices("gpu" if device == "gpu" else "cpu")[0]

    def operation(prepare: Any, function: Any) -> Operation:
        compiled = jax.jit(function)

        def run(a: Array, b: Array, dtype: str) -> float:
            given = [jax.device_put(np.asarray(x).astype(jnp.dtype(dtype)), where) for x in prepare(a, b)]
            with jax.default_matmul_precision("highest"):  # as the backend does in its runs
                return float(compiled(*given))

        return run

    return {
        "matmul": operation(as_given, matmul),
        "conv": operation(as_given, conv),
        "sum": operation(as_given, lambda a, b: (a * b).sum()),
        "dense bias gradient": operation(dense_upstream, dense_bias_gradient),
        "conv bias gradient": operation(conv_upstream, conv_bias_gradient),
    }


def as_given(a: Array, b: Array) -> list[Array]:
    return [a, b]


def dense_upstream(a: Array, b: Array) -> list[Array]:
    """Inputs, kernel and upstream cotangent of a dense layer: arguments, or the compiler would fold them away."""
    n = len(a)
    return [np.ones((n, 3)), np.ones((3, WIDTH)), np.repeat((a * b)[:, None], WIDTH, axis=1)]


def conv_upstream(a: Array, b: Array) -> list[Array]:
    """Images, kernel and upstream cotangent of a 1x1 convolution over 2 images of 64 rows."""
    upstream = np.pad(a * b, (0, -len(a) % 128)).reshape(2, 64, -1)
    images = np.ones((*upstream.shape, 3))
    return [images, np.ones((1, 1, 3, WIDTH)), np.repeat(upstream[..., None], WIDTH, axis=3)]


def matmul(a: Any, b: Any) -> Any:
    return (jnp.tile(a, (32, 1)) @ jnp.tile(b[:, None], (1, 32)))[0, 0]


def conv(a: Any, b: Any) -> Any:
    images, kernel = jnp.tile(a, (2, 5, 5, 1)), jnp.tile(b[None, None, :, None], (1, 1, 1, 32))
    return lax.conv_general_dilated(images, kernel, (1, 1), "VALID", dimension_numbers=NHWC)[0, 0, 0, 0]


def dense_bias_gradient(x: Any, kernel: Any, upstream: Any) -> Any:
    """The sum over examples."""
    return bias_gradient(lambda bias: x @ kernel + bias, upstream)


def conv_bias_gradient(x: Any, kernel: Any, upstream: Any) -> Any:
    """The sum over examples and pixels."""
    product = lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=NHWC)
    return bias_gradient(lambda bias: product + bias, upstream)


def bias_gradient(layer: Any, upstream: Any) -> Any:
    _, pullback = jax.vjp(layer, jnp.zeros(WIDTH, upstream.dtype))
    return pullback(upstream)[0][0]
