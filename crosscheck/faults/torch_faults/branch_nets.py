"""Mistakes in nets that branch or narrow: Inception, MobileNet, EfficientNet, U-Net, network in network."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from crosscheck.faults.catalogue import Site, rows

FILE = "torch_impl.nets."
INCEPTION, COST = "nets.inception.Inception", "nets.inception.auxiliary_cost"
INVERTED, MBCONV, SEPARABLE = (
    "nets.mobilenet_v2.InvertedResidual",
    "nets.efficientnet.MBConv",
    "nets.mobilenet_v1.DepthwiseSeparable",
)
SKIP, MLP = "nets.unet.Skip", "nets.network_in_network.MLPConv"

inception = rows("torch", "Inception", where=FILE + "inception:Inception.forward", bites="wiring")
heads = rows("torch", "auxiliary heads", where=FILE + "inception:auxiliary_cost")
inverted = rows("torch", "inverted residual", where=FILE + "mobilenet_v2:InvertedResidual.forward", bites="wiring")
mbconv = rows("torch", "MBConv", where=FILE + "efficientnet:MBConv.forward", bites="wiring")
separable = rows("torch", "depthwise separable", where=FILE + "mobilenet_v1:DepthwiseSeparable.forward", bites="wiring")
skip = rows("torch", "U-Net", where=FILE + "unet:Skip.forward", bites="wiring")
mlp = rows("torch", "network in network", where=FILE + "network_in_network:MLPConv.forward", bites="wiring")


def linear_end(self: Any, x: Any) -> Any:
    """The last 1x1 convolution without its activation."""
    return self.conv3(torch.relu(self.conv2(torch.relu(self.conv1(x)))))


FAULTS = [
    rows("torch", "structure", where=FILE + "efficientnet:SqueezeExcitation", bites="structure")(
        "narrow end of the gate a quarter of the widened channels",
        lambda gate: lambda c, c_squeeze, activation: gate(c, max(1, c // 4), activation),
        Site(MBCONV),
    ),
    inception(
        "branches in another order",
        lambda forward: (
            lambda self, x: torch.cat([self.branch1(x), self.branch3(x), self.branch_pool(x), self.branch5(x)], dim=1)
        ),
        Site(INCEPTION),
        evidence=("channel-split-axis",),
    ),
    inception(
        "a branch cut off from the gradient",
        lambda forward: (
            lambda self, x: torch.cat(
                [self.branch1(x), self.branch3(x), self.branch5(x.detach()), self.branch_pool(x)], dim=1
            )
        ),
        Site(INCEPTION),
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    inception(
        "pooled before every branch",
        lambda forward: lambda self, x: forward(self, self.branch_pool[0](x)),
        Site(INCEPTION),
    ),
    heads(
        "weighed 0.4 whatever is asked",
        lambda cost: lambda z, z1, z2, y, weight=0.3: cost(z, z1, z2, y, 0.4),
        Site(COST),
    ),
    heads("left out of the cost", lambda cost: lambda z, z1, z2, y, weight=0.3: cost(z, z1, z2, y, 0.0), Site(COST)),
    heads(
        "averaged instead of added",
        lambda cost: lambda z, z1, z2, y, weight=0.3: cost(z, z1, z2, y, weight / 2),
        Site(COST),
        Site(COST + "/half"),
    ),
    inverted("shortcut dropped", lambda forward: lambda self, x: self.conv(x), Site(INVERTED)),
    inverted(
        "an activation after the narrow end",
        lambda forward: lambda self, x: x + F.relu6(self.conv(x)),
        Site(INVERTED),
        evidence=("relu6-clip-boundary-grad",),
    ),
    inverted(
        "a norm left out: the narrow end's",
        lambda forward: lambda self, x: x + self.conv[:-1](x),
        Site(INVERTED),
    ),
    rows("torch", "inverted residual", where="torch.nn.modules.activation:ReLU6.forward", bites="wiring")(
        "relu where relu6 is meant",
        lambda forward: lambda self, x: torch.relu(x),
        Site(INVERTED),
        evidence=("relu6-clip-boundary-grad",),
    ),
    separable(
        "no activation between depthwise and pointwise",
        lambda forward: lambda self, x: torch.relu(self.bn2(self.pointwise(self.bn1(self.depthwise(x))))),
        Site(SEPARABLE),
    ),
    separable(
        "norms only after the activations",
        lambda forward: lambda self, x: self.bn2(torch.relu(self.pointwise(self.bn1(torch.relu(self.depthwise(x)))))),
        Site(SEPARABLE),
        evidence=("transformer-norm-first",),
    ),
    mbconv(
        "stochastic depth of the sum, not of the branch",
        lambda forward: lambda self, x: self.stochastic_depth(x + self.block(x)),
        Site(MBCONV),
    ),
    mbconv("no stochastic depth", lambda forward: lambda self, x: x + self.block(x), Site(MBCONV)),
    rows("torch", "MBConv", where="torch.nn.modules.activation:SiLU.forward", bites="wiring")(
        "relu where swish is meant",
        lambda forward: lambda self, x: torch.relu(x),
        Site(MBCONV),
        evidence=("swish-beta",),
    ),
    skip(
        "what comes from below put first",
        lambda forward: lambda self, x: torch.cat([self.below(x), x], dim=1),
        Site(SKIP),
        Site("nets.unet.UNet", "level.skip.below.1.skip"),
        evidence=("channel-split-axis",),
    ),
    skip(
        "added to what comes from below, and repeated",
        lambda forward: lambda self, x: (x + self.below(x)).repeat(1, 2, 1, 1),
        Site(SKIP),
    ),
    skip(
        "what goes across cut off from the gradient",
        lambda forward: lambda self, x: torch.cat([x.detach(), self.below(x)], dim=1),
        Site(SKIP),
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    mlp("no activation after the last convolution", lambda forward: linear_end, Site(MLP)),
]
