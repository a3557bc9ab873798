"""Mistakes between sound layers: in the order, the presence or the connections of a net's parts."""

from __future__ import annotations

from typing import Any

import torch

from crosscheck.faults.catalogue import Site, rows

DEEP, BLOCK = "nets.deep_net.DeepNet", "nets.deep_net.DenseBlock"
ALL_EXTRAS = DEEP + "/everything"

block = rows("torch", "dense block", where="torch_impl.nets.deep_net:DenseBlock.forward", bites="wiring")
deep = rows("torch", "deep net", where="torch_impl.nets.deep_net:DeepNet.forward", bites="wiring")
shallow = rows("torch", "shallow net", where="torch_impl.nets.shallow_net:ShallowNet.forward", bites="wiring")


def norm(block: Any, x: Any) -> Any:
    return x if block.norm is None else block.norm(x)


def drop(block: Any, x: Any) -> Any:
    return x if block.dropout is None else block.dropout(x)


def through(layers: Any, x: Any) -> Any:
    for layer in layers:
        x = layer(x)
    return x


def clip_gradient(x: Any) -> Any:
    if x.requires_grad:
        x.register_hook(lambda gradient: gradient.clamp(-0.1, 0.1))
    return x


FAULTS = [
    block(
        "norm after the activation",
        lambda forward: lambda self, x: drop(self, norm(self, self.activation(self.dense(x)))),
        Site(BLOCK + "/norm-dropout"),
        Site(ALL_EXTRAS, "layers.0"),
        evidence=("transformer-norm-first",),
    ),
    block(
        "dropout before the norm",
        lambda forward: lambda self, x: self.activation(norm(self, drop(self, self.dense(x)))),
        Site(BLOCK + "/norm-dropout"),
        Site(ALL_EXTRAS, "layers.0"),
    ),
    block(
        "dropout before the activation, which matters where they do not commute",
        lambda forward: lambda self, x: self.activation(drop(self, norm(self, self.dense(x)))),
        Site(ALL_EXTRAS, "layers.1"),
    ),
    block(
        "norm left out",
        lambda forward: lambda self, x: drop(self, self.activation(self.dense(x))),
        Site(BLOCK + "/norm-dropout"),
        Site(ALL_EXTRAS, "layers.0"),
    ),
    block(
        "activation left out",
        lambda forward: lambda self, x: drop(self, norm(self, self.dense(x))),
        Site(BLOCK),
        Site(DEEP, "layers.0"),
    ),
    block(
        "activation applied twice",
        lambda forward: lambda self, x: drop(self, self.activation(self.activation(norm(self, self.dense(x))))),
        Site(DEEP + "/activations", "layers.0"),
    ),
    block(
        "input copied by its values, without its history",
        lambda forward: lambda self, x: forward(self, torch.tensor(x.tolist(), dtype=x.dtype)),
        Site(BLOCK),
        Site(DEEP, "layers.0"),
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    deep(
        "an activation after the last layer too",
        lambda forward: lambda self, x: torch.relu(forward(self, x)),
        Site(DEEP),
    ),
    deep(
        "probabilities returned for logits",
        lambda forward: lambda self, x: torch.softmax(forward(self, x), dim=1),
        Site(DEEP),
        evidence=("nll-loss-expects-logprob",),
    ),
    deep(
        "input standardized in secret",
        lambda forward: lambda self, x: forward(self, (x - x.mean()) / x.std()),
        Site(DEEP),
        evidence=("std-ddof",),
    ),
    deep(
        "input passed through float32",
        lambda forward: lambda self, x: forward(self, x.float().to(x.dtype)),
        Site(DEEP),
        bites="precision",
        evidence=("float64-silently-float32",),
    ),
    deep(
        "gradient stops before the second layer",
        lambda forward: lambda self, x: through(self.layers[1:], self.layers[0](x).detach()),
        Site(DEEP),
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    deep(
        "gradient clipped on its way between two layers",
        lambda forward: lambda self, x: through(self.layers[1:], clip_gradient(self.layers[0](x))),
        Site(DEEP),
        bites="gradient",
        evidence=("clip-per-parameter-vs-global",),
    ),
    deep(
        "a residual where none is meant",
        lambda forward: lambda self, x: forward(self, x) + x[:, :3],
        Site(DEEP),
    ),
    deep(
        "layers called through a loop of one's own",
        lambda forward: lambda self, x: through(self.layers, x),
        Site(DEEP),
        bites="nothing",
    ),
    shallow(
        "activation left out",
        lambda forward: lambda self, x: self.output(self.hidden(x)),
        Site("nets.shallow_net.ShallowNet"),
    ),
    shallow(
        "sigmoid returned for the logit",
        lambda forward: lambda self, x: torch.sigmoid(forward(self, x)),
        Site("nets.shallow_net.ShallowNet"),
    ),
    rows("torch", "computation graph", where="torch_impl.nets.computation_graph:computation_graph")(
        "a variable overwritten before its second use",
        lambda graph: lambda a, b, c: 3 * (a.detach() + b * c),
        Site("nets.computation_graph.computation_graph"),
        bites="gradient",
        evidence=("inplace-views",),
    ),
]
