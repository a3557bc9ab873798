"""Mistakes between sound convolutional layers: shortcuts and the order of norm, sum and activation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from crosscheck.faults.catalogue import Replacement, Site, rows

BASIC = "nets.resnet.BasicBlock"

basic = rows("jax", "residual block", where="jax_impl.nets.resnet:BasicBlock.__call__", bites="wiring")


def joined(join: Callable[..., Any]) -> Replacement:
    """A basic block that joins its main path z and its shortcut by join(self, z, x)."""

    def faulty(self: Any, x: Any) -> Any:
        return join(self, self.bn2(self.conv2(jax.nn.relu(self.bn1(self.conv1(x))))), x)

    return lambda call: faulty


FAULTS = [
    basic("shortcut dropped", joined(lambda self, z, x: jax.nn.relu(z)), Site(BASIC)),
    basic(
        "shortcut added after the activation",
        joined(lambda self, z, x: jax.nn.relu(z) + self.downsample(x)),
        Site(BASIC),
    ),
    basic(
        "shortcut cut off from the gradient",
        joined(lambda self, z, x: jax.nn.relu(z + jax.lax.stop_gradient(self.downsample(x)))),
        Site(BASIC),
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    rows("jax", "ConvNet", where="jax_impl.nets.conv_net:ConvNet.__call__", bites="wiring")(
        "image read as channels first by a reshape",
        lambda call: lambda self, x: call(self, x.transpose(0, 3, 1, 2).reshape(x.shape)),
        Site("nets.conv_net.ConvNet"),
        evidence=("image-reshape-instead-of-transpose",),
    ),
]
