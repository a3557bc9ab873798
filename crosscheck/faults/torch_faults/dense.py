"""Mistakes in torch_impl/layers/dense.py. In the deep net only the second layer errs."""

from __future__ import annotations

import torch.nn.functional as F

from crosscheck.faults.catalogue import Site, rows
from crosscheck.faults.torch_faults.numbers import as_tf32, scaled_gradient

LAYER, NET = Site("layers.dense.Dense"), Site("nets.deep_net.DeepNet", "layers.1.dense")

row = rows(
    "torch", "dense", where="torch_impl.layers.dense:Dense.forward", only=lambda self: self.out_features in (5, 7)
)

FAULTS = [
    row(
        "weight reshaped where it should be transposed",
        lambda forward: lambda self, x: F.linear(x, self.weight.T.reshape(self.weight.shape), self.bias),
        LAYER,
        NET,
        evidence=("linear-kernel-transpose",),
    ),
    row("bias dropped", lambda forward: lambda self, x: F.linear(x, self.weight), LAYER, NET),
    row(
        "two biases where one is meant",
        lambda forward: lambda self, x: F.linear(x, self.weight, 2 * self.bias),
        LAYER,
        NET,
        evidence=("lstm-two-biases",),
    ),
    row(
        "weight off by one in a billion",
        lambda forward: lambda self, x: F.linear(x, self.weight * (1 + 1e-9), self.bias),
        LAYER,
        NET,
    ),
    row(
        "bias cut off from the gradient",
        lambda forward: lambda self, x: F.linear(x, self.weight, self.bias.detach()),
        LAYER,
        NET,
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    row(
        "input cut off from the gradient",
        lambda forward: lambda self, x: F.linear(x.detach(), self.weight, self.bias),
        LAYER,
        NET,
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    row(
        "bias gradient averaged over the batch",
        lambda forward: lambda self, x: F.linear(x, self.weight, scaled_gradient(self.bias, 1 / len(x))),
        LAYER,
        NET,
        bites="gradient",
    ),
    row(
        "operands rounded to TF32",
        lambda forward: lambda self, x: F.linear(as_tf32(x), as_tf32(self.weight), self.bias),
        LAYER,
        NET,
        bites="precision",
        evidence=("matmul-f32-precision-cpu",),
    ),
    row(
        "computed in float32 inside a float64 net",
        lambda forward: lambda self, x: F.linear(x.float(), self.weight.float(), self.bias.float()).to(x.dtype),
        LAYER,
        NET,
        bites="precision",
        evidence=("float64-silently-float32",),
    ),
    row(
        "bias after instead of before the product's sum",
        lambda forward: lambda self, x: x @ self.weight.T + self.bias,
        LAYER,
        NET,
        bites="nothing",
    ),
    row(
        "summed in the opposite order",
        lambda forward: lambda self, x: F.linear(x.flip(1), self.weight.flip(1), self.bias),
        LAYER,
        NET,
        bites="nothing",
    ),
]
