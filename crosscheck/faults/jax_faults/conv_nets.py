"""Mistakes between sound convolutional layers: shortcuts and the order of norm, sum and activation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

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
    rows("jax", "Inception", where="jax_impl.nets.inception:Inception.__call__", bites="wiring")(
        "branches in another order",
        lambda call: (
            lambda self, x: jnp.concatenate(
                [self.branch1(x), self.branch5(x), self.branch3(x), self.branch_pool(x)], axis=-1
            )
        ),
        Site("nets.inception.Inception"),
        evidence=("channel-split-axis",),
    ),
    rows("jax", "auxiliary heads", where="jax_impl.nets.inception:auxiliary_cost")(
        "weighed 0.4 whatever is asked",
        lambda cost: lambda z, z1, z2, y, weight=0.3: cost(z, z1, z2, y, 0.4),
        Site("nets.inception.auxiliary_cost"),
    ),
    rows("jax", "inverted residual", where="jax_impl.nets.mobilenet_v2:InvertedResidual.__call__", bites="wiring")(
        "shortcut dropped",
        lambda call: lambda self, x: self.conv(x),
        Site("nets.mobilenet_v2.InvertedResidual"),
    ),
    rows("jax", "U-Net", where="jax_impl.nets.unet:Skip.__call__", bites="wiring")(
        "what comes from below put first",
        lambda call: lambda self, x: jnp.concatenate([self.below(x), x], axis=-1),
        Site("nets.unet.Skip"),
        evidence=("channel-split-axis",),
    ),
]
