"""Whole networks for bench_reference.py: a step, forward and backward from the cost, by the reference and by torch.nn.

Memory is measured by bench_memory.py, in processes of their own.
"""

from functools import partial

import numpy as np
import plain_torch
import torch
import torch.nn.functional as F
from reference_rows import LAYOUTS, Contest, Row
from torch import nn

from crosscheck import registry
from crosscheck.layout import join
from reference.layers.losses import softmax_cross_entropy_from_logits
from reference.module import Mode, flatten, nest, shapes
from reference.nets.resnet import ResNet

TRAIN = Mode(train=True, data=True)
SMALL = ("basic", (3, 3, 3), 10, (16, 32, 64), "projection", True)
LARGE = ("bottleneck", (3, 4, 6, 3), 1000)


def step(dtype, arguments, plain, size, m):
    layout, paths = join(ResNet(*arguments), "torch"), list(shapes(ResNet(*arguments)))
    rivals = {name: torch_side(dtype, arguments, plain, size, m, memory) for name, memory in LAYOUTS.items()}

    def read(results):
        J, *gradients = (t.detach().numpy() for t in results)
        named = layout.from_column(dict(zip(torch_names(arguments), gradients)), trainable=True)
        return [J, *(named[path] for path in paths)]

    wide = torch_side("float64", arguments, plain, size, m, torch.contiguous_format)
    work = operations(plain, start(arguments, size, m)[0])
    return Contest(our_side(dtype, arguments, size, m), rivals, read, read(wide()), work, "GF/s")


def our_side(dtype, arguments, size, m):
    net, (X, labels, p, s) = ResNet(*arguments), start(arguments, size, m)
    Y = (np.arange(net.num_classes)[:, None] == labels).astype(dtype)
    p, s = ({path: value.astype(dtype) for path, value in tree.items()} for tree in (p, s))
    return partial(our_step, net, nest(p), nest(s), X.astype(dtype), Y)


def our_step(net, p, s, X, Y):
    Z, _, back = net(p, s, X, mode=TRAIN)
    J, back_cost = softmax_cross_entropy_from_logits(Z, Y)
    dp, _ = back(back_cost(1))
    gradients = flatten(dp)
    return [np.asarray(J), *(gradients[path] for path in flatten(p))]


def torch_side(dtype, arguments, plain, size, m, memory):
    X, labels, p, _ = start(arguments, size, m)
    named, net = join(ResNet(*arguments), "torch").to_column(p, trainable=True), plain()
    with torch.no_grad():
        for name, parameter in zip(torch_names(arguments), net.parameters(), strict=True):
            parameter.copy_(torch.tensor(named[name]))
    net = net.to(dtype=getattr(torch, dtype), memory_format=memory)
    x = torch.tensor(X.transpose(0, 3, 1, 2), dtype=getattr(torch, dtype)).contiguous(memory_format=memory)
    y, parameters = torch.tensor(labels), list(net.parameters())

    def run():
        cost = F.cross_entropy(net(x), y)
        return [cost, *torch.autograd.grad(cost, parameters)]

    return run


def start(arguments, size, m):
    """Images, labels, and weights by "he", all of which float32 has too."""
    net, rng = ResNet(*arguments), np.random.default_rng(1)
    X, labels = rng.standard_normal((m, size, size, 3), np.float32), rng.integers(0, net.num_classes, m)
    p = {path: weights(path, shape, rng) for path, shape in shapes(net).items()}
    s = {path: np.full(shape, float(path.endswith("sigma2"))) for path, shape in shapes(net, "state").items()}
    return X, labels, p, s


def weights(path, shape, rng):
    if not path.endswith("W"):
        return np.full(shape, float(path.endswith("gamma")))
    n_prev = np.prod(shape[:-1]) if len(shape) == 4 else shape[1]
    return np.float32(np.sqrt(2 / n_prev)) * rng.standard_normal(shape, np.float32)


def torch_names(arguments):
    return [name for name, _ in registry.find("torch", "nets.resnet.ResNet")(*arguments).named_parameters()]


def operations(plain, X):
    """Additions and multiplications of all products, forward and twice that backward."""
    net, counts = plain(), []

    def count(layer, inputs, output):
        counts.append(6 * output.numel() * layer.weight[0].numel())

    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    net(torch.tensor(X.transpose(0, 3, 1, 2), dtype=torch.float32))
    return sum(counts)


def row(name, targets, *arguments):
    return Row("network", name, lambda dtype: step(dtype, *arguments), targets)


NETWORKS = [
    row("ResNet-20, 32x32, batch 32", (1.9, 0.7), SMALL, plain_torch.resnet_small, 32, 32),
    row("ResNet-50, 224x224, batch 2", (1.15, 1.0), LARGE, plain_torch.resnet50, 224, 2),
]
