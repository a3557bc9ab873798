"""Mistakes in jax_impl/layers/activations.py. Inside a net an activation is no module: the block is to blame."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from crosscheck.faults.catalogue import Site, rows
from crosscheck.faults.jax_faults.numbers import in_float32

FILE = "jax_impl.layers.activations:"
CASE = "layers.activations."
NET = "nets.deep_net.DeepNet/activations"

row = rows("jax", "activation")

FAULTS = [
    row(
        "sigmoid of minus z",
        lambda sigmoid: lambda z: 1 / (1 + jnp.exp(z)),
        Site(CASE + "sigmoid"),
        where=FILE + "sigmoid",
    ),
    row(
        "sigmoid in float32",
        lambda sigmoid: in_float32(jax.nn.sigmoid),
        Site(CASE + "sigmoid"),
        where=FILE + "sigmoid",
        bites="precision",
        evidence=("float64-silently-float32",),
    ),
    row(
        "tanh cut off from the gradient",
        lambda tanh: lambda z: jax.lax.stop_gradient(jnp.tanh(z)),
        Site(CASE + "tanh"),
        where=FILE + "tanh",
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    row(
        "tanh where sigmoid is meant",
        lambda sigmoid: jnp.tanh,
        Site(NET, "layers.1"),
        where=FILE + "ACTIVATIONS.sigmoid",
        bites="wiring",
    ),
    row(
        "relu's derivative is 1/2 at zero",
        lambda relu: lambda z: jnp.maximum(z, 0),
        Site(CASE + "relu/kink"),
        where=FILE + "relu",
        bites="gradient",
        evidence=("relu-kink-maximum",),
    ),
    row(
        "relu capped at 2",
        lambda relu: lambda z: jnp.clip(z, 0, 2),
        Site(CASE + "relu/kink"),
        where=FILE + "relu",
    ),
    row(
        "leaky relu's derivative is 1 at zero",
        lambda leaky_relu: lambda z, slope=0.01: jax.nn.leaky_relu(z, slope),
        Site(CASE + "leaky_relu/kink"),
        where=FILE + "leaky_relu",
        bites="gradient",
        evidence=("leaky-relu-kink",),
    ),
    row(
        "leaky relu's slope squared",
        lambda leaky_relu: lambda z, slope=0.01: leaky_relu(z, slope**2),
        Site(CASE + "leaky_relu"),
        Site(CASE + "leaky_relu/slope"),
        where=FILE + "leaky_relu",
        evidence=("leaky-relu-slope",),
    ),
    row(
        "leaky relu's slope on the wrong side",
        lambda leaky_relu: lambda z: jnp.where(z < 0, z, 0.01 * z),
        Site(NET, "layers.2"),
        where=FILE + "ACTIVATIONS.leaky_relu",
    ),
    row(
        "relu6's derivative is 1/2 at its bounds",
        lambda relu6: lambda z: jnp.minimum(jnp.maximum(z, 0), 6),
        Site(CASE + "relu6"),
        where=FILE + "relu6",
        bites="gradient",
        evidence=("relu6-clip-boundary-grad",),
    ),
    row(
        "swish as gelu",
        lambda swish: jax.nn.gelu,
        Site(CASE + "swish"),
        where=FILE + "swish",
        evidence=("gelu-tanh-default",),
    ),
    row(
        "softmax over the batch",
        lambda softmax: lambda z: jax.nn.softmax(z, axis=0),
        Site(CASE + "softmax"),
        where=FILE + "softmax",
        evidence=("softmax-axis",),
    ),
    row(
        "softmax in float32 whatever its input",
        lambda softmax: in_float32(jax.nn.softmax),
        Site(CASE + "softmax"),
        where=FILE + "softmax",
        bites="precision",
        evidence=("attention-float32-softmax",),
    ),
    row(
        "hardmax marks every one of equal maxima",
        lambda hardmax: lambda z: (z == z.max(axis=-1, keepdims=True)).astype(z.dtype),
        Site(CASE + "hardmax/ties"),
        where=FILE + "hardmax",
        evidence=("topk-ties",),
    ),
    row(
        "softmax from its logarithm",
        lambda softmax: lambda z: jnp.exp(jax.nn.log_softmax(z, axis=-1)),
        Site(CASE + "softmax"),
        where=FILE + "softmax",
        bites="nothing",
    ),
]
