"""Mistakes between sound layers: in the order, the presence or the connections of a net's parts."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from crosscheck.faults.catalogue import Site, rows

DEEP, BLOCK = "nets.deep_net.DeepNet", "nets.deep_net.DenseBlock"

block = rows("jax", "dense block", where="jax_impl.nets.deep_net:DenseBlock.__call__", bites="wiring")
deep = rows("jax", "deep net", where="jax_impl.nets.deep_net:DeepNet.__call__", bites="wiring")
shallow = rows("jax", "shallow net", where="jax_impl.nets.shallow_net:ShallowNet.__call__", bites="wiring")


def norm(block: Any, x: Any) -> Any:
    return x if block.norm is None else block.norm(x)


def drop(block: Any, x: Any) -> Any:
    return x if block.dropout is None else block.dropout(x)


def through(layers: Any, x: Any) -> Any:
    for layer in layers:
        x = layer(x)
    return x


FAULTS = [
    block(
        "norm after the activation",
        lambda call: lambda self, x: drop(self, norm(self, self.activation(self.dense(x)))),
        Site(BLOCK + "/norm-dropout"),
        evidence=("transformer-norm-first",),
    ),
    block(
        "dropout before the norm",
        lambda call: lambda self, x: self.activation(norm(self, drop(self, self.dense(x)))),
        Site(BLOCK + "/norm-dropout"),
    ),
    block(
        "dropout left out",
        lambda call: lambda self, x: self.activation(norm(self, self.dense(x))),
        Site(BLOCK + "/norm-dropout"),
        Site(DEEP + "/dropout", "layers.0"),
    ),
    block(
        "activation left out",
        lambda call: lambda self, x: drop(self, norm(self, self.dense(x))),
        Site(BLOCK),
        Site(DEEP, "layers.0"),
    ),
    deep(
        "an activation after the last layer too",
        lambda call: lambda self, x: jax.nn.relu(call(self, x)),
        Site(DEEP),
    ),
    deep(
        "gradient stops before the second layer",
        lambda call: lambda self, x: through(self.layers[1:], jax.lax.stop_gradient(self.layers[0](x))),
        Site(DEEP),
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    deep(
        "input passed through float32",
        lambda call: lambda self, x: call(self, x.astype(jnp.float32).astype(x.dtype)),
        Site(DEEP),
        bites="precision",
        evidence=("float64-silently-float32",),
    ),
    shallow(
        "activation left out",
        lambda call: lambda self, x: self.output(self.hidden(x)),
        Site("nets.shallow_net.ShallowNet"),
    ),
    shallow(
        "sigmoid returned for the logit",
        lambda call: lambda self, x: jax.nn.sigmoid(call(self, x)),
        Site("nets.shallow_net.ShallowNet"),
    ),
    rows("jax", "computation graph", where="jax_impl.nets.computation_graph:computation_graph")(
        "a term cut off from the gradient",
        lambda graph: lambda a, b, c: 3 * (a + jax.lax.stop_gradient(b) * c),
        Site("nets.computation_graph.computation_graph"),
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
]
