"""Mistakes in torch_impl/layers/activations.py. Inside a net an activation is no module: the block is to blame."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from crosscheck.faults.catalogue import Site, rows
from crosscheck.faults.torch_faults.numbers import scaled_gradient

FILE = "torch_impl.layers.activations:"
CASE = "layers.activations."
NET = "nets.deep_net.DeepNet/activations"

row = rows("torch", "activation")

FAULTS = [
    row(
        "sigmoid replaced by its piecewise linear stand-in",
        lambda sigmoid: F.hardsigmoid,
        Site(CASE + "sigmoid"),
        where=FILE + "sigmoid",
        evidence=("hard-sigmoid-swish",),
    ),
    row(
        "sigmoid cut off from the gradient",
        lambda sigmoid: lambda z: sigmoid(z).detach() + 0 * z,
        Site(CASE + "sigmoid"),
        where=FILE + "sigmoid",
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    row(
        "tanh from a sigmoid of z, not of 2z",
        lambda tanh: lambda z: 2 * torch.sigmoid(z) - 1,
        Site(CASE + "tanh"),
        where=FILE + "tanh",
    ),
    row(
        "tanh's gradient passed straight through",
        lambda tanh: lambda z: z + (torch.tanh(z) - z).detach(),
        Site(CASE + "tanh"),
        where=FILE + "tanh",
        bites="gradient",
    ),
    row(
        "sigmoid where tanh is meant",
        lambda tanh: torch.sigmoid,
        Site(NET, "layers.0"),
        where=FILE + "ACTIVATIONS.tanh",
        bites="wiring",
    ),
    row("relu leaks", lambda relu: lambda z: F.leaky_relu(z, 1e-6), Site(CASE + "relu"), where=FILE + "relu"),
    row(
        "relu's derivative is 1 at zero",
        lambda relu: lambda z: z.clamp(min=0),
        Site(CASE + "relu/kink"),
        where=FILE + "relu",
        bites="gradient",
        evidence=("clamp-min-vs-maximum-grad", "relu-kink-maximum"),
    ),
    row(
        "relu's derivative is 1/2 at zero",
        lambda relu: lambda z: torch.maximum(z, torch.zeros_like(z)),
        Site(CASE + "relu/kink"),
        where=FILE + "relu",
        bites="gradient",
        evidence=("relu-kink-maximum",),
    ),
    row(
        "leaky relu ignores its slope",
        lambda leaky_relu: lambda z, slope=0.01: F.leaky_relu(z, 0.01),
        Site(CASE + "leaky_relu/slope"),
        where=FILE + "leaky_relu",
        evidence=("leaky-relu-slope",),
    ),
    row(
        "leaky relu with another library's default slope",
        lambda leaky_relu: lambda z: F.leaky_relu(z, 0.3),
        Site(NET, "layers.2"),
        where=FILE + "ACTIVATIONS.leaky_relu",
        evidence=("leaky-relu-slope",),
    ),
    row(
        "leaky relu's derivative is 1 at zero",
        lambda leaky_relu: lambda z, slope=0.01: torch.where(z >= 0, z, slope * z),
        Site(CASE + "leaky_relu/kink"),
        where=FILE + "leaky_relu",
        bites="gradient",
        evidence=("leaky-relu-kink",),
    ),
    row(
        "relu6 not capped",
        lambda relu6: torch.relu,
        Site(CASE + "relu6"),
        where=FILE + "relu6",
    ),
    row(
        "relu6's derivative is 1 at its bounds",
        lambda relu6: lambda z: z.clamp(0, 6),
        Site(CASE + "relu6"),
        where=FILE + "relu6",
        bites="gradient",
        evidence=("relu6-clip-boundary-grad",),
    ),
    row(
        "swish as the quick approximation of gelu",
        lambda swish: lambda z: z * torch.sigmoid(1.702 * z),
        Site(CASE + "swish"),
        where=FILE + "swish",
        evidence=("swish-beta", "quick-gelu"),
    ),
    row(
        "swish's gradient forgets that the gate moves too",
        lambda swish: lambda z: z * torch.sigmoid(z).detach(),
        Site(CASE + "swish"),
        where=FILE + "swish",
        bites="gradient",
    ),
    row(
        "softmax over the batch",
        lambda softmax: lambda z: torch.softmax(z, dim=0),
        Site(CASE + "softmax"),
        where=FILE + "softmax",
        evidence=("softmax-axis",),
    ),
    row(
        "softmax's denominator cut off from the gradient",
        lambda softmax: lambda z: torch.exp(z) / torch.exp(z).sum(dim=-1, keepdim=True).detach(),
        Site(CASE + "softmax"),
        where=FILE + "softmax",
        bites="gradient",
    ),
    row(
        "softmax in float32 whatever its input",
        lambda softmax: lambda z: torch.softmax(z.float(), dim=-1).to(z.dtype),
        Site(CASE + "softmax"),
        where=FILE + "softmax",
        bites="precision",
        evidence=("attention-float32-softmax",),
    ),
    row(
        "hardmax marks the last of equal maxima",
        lambda hardmax: lambda z: hardmax(z.flip(-1)).flip(-1),
        Site(CASE + "hardmax/ties"),
        where=FILE + "hardmax",
        evidence=("topk-ties", "max-dim-tie"),
    ),
    row(
        "linear doubles the gradient",
        lambda linear: lambda z: scaled_gradient(z, 2.0),
        Site(CASE + "linear"),
        where=FILE + "linear",
        bites="gradient",
    ),
    row(
        "sigmoid by way of tanh",
        lambda sigmoid: lambda z: (torch.tanh(z / 2) + 1) / 2,
        Site(CASE + "sigmoid"),
        where=FILE + "sigmoid",
        bites="nothing",
    ),
    row(
        "softmax without the shift that keeps it from overflowing",
        lambda softmax: lambda z: torch.exp(z) / torch.exp(z).sum(dim=-1, keepdim=True),
        Site(CASE + "softmax"),
        where=FILE + "softmax",
        bites="nothing",
    ),
]
