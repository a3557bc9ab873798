"""Mistakes in torch_impl/layers/pooling.py."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from crosscheck.faults.catalogue import Site, rows

MAX, AVERAGE, GLOBAL = "layers.pooling.MaxPool", "layers.pooling.AveragePool", "layers.pooling.GlobalAveragePool"

largest = rows("torch", "max pool", where="torch_impl.layers.pooling:MaxPool.forward")
average = rows("torch", "average pool", where="torch_impl.layers.pooling:AveragePool.forward")
overall = rows("torch", "global pool", where="torch_impl.layers.pooling:GlobalAveragePool.forward")


def windows(self: Any, x: Any) -> Any:
    """Every window without padding: m c h w (u v)."""
    (fh, fw), (sh, sw) = self.f, self.stride
    return x.unfold(2, fh, sh).unfold(3, fw, sw).flatten(4)


FAULTS = [
    largest(
        "padded with zeros",
        lambda forward: lambda self, x: F.max_pool2d(F.pad(x, (1, 1, 1, 1)), self.f, self.stride),
        Site(MAX + "/padding"),
        evidence=("maxpool-zero-padding",),
    ),
    largest(
        "'same' as in TensorFlow",
        lambda forward: lambda self, x: F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-torch.inf), self.f, self.stride),
        Site(MAX + "/same"),
        evidence=("maxpool-same-vs-pad1",),
    ),
    largest(
        "leftover rows and columns kept",
        lambda forward: lambda self, x: F.max_pool2d(x, self.f, self.stride, ceil_mode=True),
        Site(MAX),
        evidence=("maxpool-ceil-mode",),
    ),
    largest(
        "average taken for the maximum",
        lambda forward: lambda self, x: F.avg_pool2d(x, self.f, self.stride),
        Site(MAX),
        Site("nets.lenet.LeNet5/modern", "pool1"),
    ),
    largest(
        "stride of 1 where it is the window's",
        lambda forward: lambda self, x: F.max_pool2d(x, self.f, 1),
        Site(MAX),
        evidence=("pool-default-stride",),
    ),
    largest(
        "gradient shared among equal maxima",
        lambda forward: lambda self, x: windows(self, x).amax(-1),
        Site(MAX + "/ties"),
        bites="gradient",
        evidence=("maxpool-tie-gradient", "max-dim-tie"),
    ),
    largest(
        "gradient to the last of equal maxima",
        lambda forward: lambda self, x: windows(self, x).flip(-1).max(-1).values,
        Site(MAX + "/ties"),
        bites="gradient",
        evidence=("maxpool-tie-gradient",),
    ),
    largest(
        "gradient to every pixel of the window",
        lambda forward: (
            lambda self, x: (
                F.avg_pool2d(x, self.f, self.stride)
                + (forward(self, x) - F.avg_pool2d(x, self.f, self.stride)).detach()
            )
        ),
        Site(MAX),
        bites="gradient",
    ),
    largest(
        "maximum over unfolded windows",
        lambda forward: lambda self, x: windows(self, x).max(-1).values,
        Site(MAX),
        bites="nothing",
    ),
    average(
        "padding counted",
        lambda forward: lambda self, x: F.avg_pool2d(x, self.f, self.stride, 1),
        Site(AVERAGE + "/padding"),
        evidence=("avgpool-same-count",),
    ),
    average(
        "padding not counted where it should be",
        lambda forward: lambda self, x: F.avg_pool2d(x, self.f, self.stride, 1, count_include_pad=False),
        Site(AVERAGE + "/count-padding"),
        evidence=("avgpool-same-count",),
    ),
    average(
        "a sum",
        lambda forward: lambda self, x: F.avg_pool2d(x, self.f, self.stride, divisor_override=1),
        Site(AVERAGE),
        Site("nets.lenet.LeNet5", "pool1"),
    ),
    average(
        "maximum taken for the average",
        lambda forward: lambda self, x: F.max_pool2d(x, self.f, self.stride),
        Site(AVERAGE),
        Site("nets.lenet.LeNet5", "pool1"),
    ),
    overall("a maximum", lambda forward: lambda self, x: x.amax((2, 3)), Site(GLOBAL)),
    overall("a sum", lambda forward: lambda self, x: x.sum((2, 3)), Site(GLOBAL)),
    overall(
        "over channels and height, as if channels were last",
        lambda forward: lambda self, x: x.permute(0, 2, 3, 1).mean((2, 3))[:, :1].expand(-1, x.shape[1]),
        Site(GLOBAL),
        evidence=("global-pool-axes",),
    ),
    overall(
        "in two steps",
        lambda forward: lambda self, x: x.mean(3).mean(2),
        Site(GLOBAL),
        bites="nothing",
    ),
]
