"""What bench_reference.py measures: rows of the same computation by the reference's kernels and by torch.

A row's `make(dtype)` gives a Contest: `ours` and, by layout, torch's functions of no argument, whose results come in
one order; `read` turns torch's into arrays laid out like ours, and `truth` is those of torch in float64. To measure
something else, a network too, add a Row to ROWS.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from reference.detection.boxes import iou
from reference.detection.suppression import non_max_suppression
from reference.kernels.average_pool import average_pool
from reference.kernels.batch_norm import batch_norm
from reference.kernels.conv import conv2d
from reference.kernels.dense import dense
from reference.kernels.max_pool import max_pool
from reference.kernels.relu import relu
from reference.kernels.softmax_cross_entropy import softmax_cross_entropy

LAYOUTS = {"n c h w": torch.contiguous_format, "channels last": torch.channels_last}
IMAGES, FILTERS, VECTOR, COLUMNS, MATRIX = (0, 3, 1, 2), (3, 2, 0, 1), (0,), (1, 0), (0, 1)
"""How torch orders the axes of images [m h w c], filters [fh fw c_prev c], vectors, matrices [n m] and [n n_prev]."""


@dataclass(frozen=True)
class Contest:
    ours: Callable
    torch: dict[str, Callable]
    read: Callable
    truth: list
    work: float
    unit: str


@dataclass(frozen=True)
class Row:
    """The targets are ratios of our time to that of torch's faster layout, in float32 and in float64 (None: none)."""

    group: str
    name: str
    make: Callable[[str], Contest]
    targets: tuple[float | None, float | None]


@dataclass(frozen=True)
class Sides:
    """One computation, Y and its pullback, by us and by torch, and what it takes: arrays and how torch orders them."""

    ours: Callable
    torch: Callable
    arrays: tuple
    orders: tuple
    part: str = "both"


def race(sides, dtype, work, unit):
    first = {"both": 0, "forward": 0, "backward": 1}[sides.part]
    orders = [sides.orders[-1], *sides.orders[:-1]][first:]

    def read(tensors):
        return [
            t.detach().permute(sorted(range(len(order)), key=order.__getitem__)).numpy()
            for t, order in zip(tensors, orders)
        ]

    rivals = {name: torch_run(sides, dtype, layout) for name, layout in LAYOUTS.items()}
    truth = read(torch_run(sides, "float64", torch.contiguous_format)())
    return Contest(our_run(sides, dtype), rivals, read, truth, work, unit)


def our_run(sides, dtype):
    *inputs, cotangent = (array.astype(dtype) for array in sides.arrays)
    _, back = sides.ours(*inputs)

    def both():
        Y, back = sides.ours(*inputs)
        return [Y, *back(cotangent)]

    return {"both": both, "forward": lambda: [sides.ours(*inputs)[0]], "backward": lambda: back(cotangent)}[sides.part]


def torch_run(sides, dtype, layout):
    *inputs, cotangent = (to_torch(array, order, dtype, layout) for array, order in zip(sides.arrays, sides.orders))
    for tensor in inputs:
        tensor.requires_grad_()
    Y = sides.torch(*inputs)

    def both():
        Y = sides.torch(*inputs)
        return [Y, *torch.autograd.grad(Y, inputs, cotangent)]

    def backward():
        return torch.autograd.grad(Y, inputs, cotangent, retain_graph=True)

    return {"both": both, "forward": lambda: [sides.torch(*inputs)], "backward": backward}[sides.part]


def to_torch(array, order, dtype, layout):
    tensor = torch.tensor(array, dtype=getattr(torch, dtype)).permute(order)
    return tensor.contiguous(memory_format=layout if len(order) == 4 else torch.contiguous_format)


def numbers(*shapes):
    rng = np.random.default_rng(1)
    return tuple(rng.standard_normal(shape, np.float32) for shape in shapes)


def conv(dtype, f, stride, size, c_prev, c, m=8, groups=1):
    pad, out = f // 2, (size + 2 * (f // 2) - f) // stride + 1
    shapes = (m, size, size, c_prev), (f, f, c_prev // groups, c), (m, out, out, c)
    geometry = (stride, stride), ((pad, pad), (pad, pad)), (1, 1), groups
    sides = Sides(
        lambda X, W: conv2d(X, W, *geometry),
        lambda X, W: F.conv2d(X, W, None, stride, pad, 1, groups),
        numbers(*shapes),
        (IMAGES, FILTERS, IMAGES),
    )
    return race(sides, dtype, 6 * f * f * c_prev // groups * m * out * out * c, "GF/s")


def wide(dtype, n_prev, n, m):
    arrays = numbers((n, n_prev), (n_prev, m), (n, m))
    sides = Sides(dense, lambda W, A: F.linear(A, W), arrays, (MATRIX, COLUMNS, COLUMNS))
    return race(sides, dtype, 6 * n * n_prev * m, "GF/s")


def normalization(dtype, size, c, m=8):
    def ours(Z, gamma, beta):
        Y, _, _, back_all = batch_norm(Z, gamma, beta, 1e-5)

        def back(dY):
            dgamma, dbeta, dZ = back_all(dY)
            return dZ, dgamma, dbeta

        return Y, back

    images = m, size, size, c
    arrays = numbers(images, c, c, images)
    function = partial(F.batch_norm, running_mean=None, running_var=None, training=True)
    sides = Sides(ours, lambda Z, g, b: function(Z, weight=g, bias=b), arrays, (IMAGES, VECTOR, VECTOR, IMAGES))
    return race(sides, dtype, arrays[0].size, "ns/value")


def pool(dtype, part, ours, theirs, f, stride, pad, size, c, m=8):
    out = (size + 2 * pad - f) // stride + 1
    arrays = numbers((m, size, size, c), (m, out, out, c))

    def pooled(X):
        Y, back = ours(X, (f, f), (stride, stride), ((pad, pad), (pad, pad)))
        return Y, lambda dY: [back(dY)]

    sides = Sides(pooled, lambda X: theirs(X, f, stride, pad), arrays, (IMAGES, IMAGES), part)
    return race(sides, dtype, arrays[1].size, "ns/value")


def rectifier(dtype, size, c, m=8):
    def ours(Z):
        A, back = relu(Z)
        return A, lambda dA: [back(dA)]

    arrays = numbers(*2 * [(m, size, size, c)])
    return race(Sides(ours, torch.relu, arrays, (IMAGES, IMAGES)), dtype, arrays[0].size, "ns/value")


def cross_entropy(dtype, m, n):
    rng = np.random.default_rng(2)
    labels = rng.integers(0, n, m)
    Y = (np.arange(n)[:, None] == labels).astype(dtype)

    def ours(Z):
        J, back = softmax_cross_entropy(Z, Y)
        return np.array(J), lambda dJ: [back(dJ)]

    arrays = 3 * rng.standard_normal((n, m)), np.array(1.0)
    targets = torch.tensor(labels)
    sides = Sides(ours, lambda Z: F.cross_entropy(Z, targets), arrays, (COLUMNS, ()))
    return race(sides, dtype, n * m, "ns/value")


def suppression(dtype, size, boxes=5000):
    """Boxes of one class in an image so many pixels wide and high, at whole pixels."""
    B, scores = scattered_boxes(boxes, size, dtype), np.random.default_rng(3).random(boxes).astype(dtype)
    rival = partial(torch_suppression, torch.tensor(B), torch.tensor(scores), 0.5)
    ours = partial(non_max_suppression, B, scores, threshold=0.5)
    return contest(ours, {"row by row": rival}, boxes)


def overlap(dtype, boxes=1000):
    B = scattered_boxes(boxes, 300, dtype)
    return contest(partial(iou, B, B), {"broadcast": partial(torch_iou, torch.tensor(B), torch.tensor(B))}, boxes**2)


def contest(ours, rivals, work):
    """Of functions that give one array."""
    rivals = {name: (lambda run=run: [run()]) for name, run in rivals.items()}
    (truth,) = next(iter(rivals.values()))()
    return Contest(
        lambda: [ours()], rivals, lambda found: [x.numpy() for x in found], [truth.numpy()], work, "ns/value"
    )


def scattered_boxes(count, size, dtype):
    rng = np.random.default_rng(4)
    near = rng.integers(0, size, (count, 2))
    return np.concatenate([near, near + rng.integers(5, 50, (count, 2))], axis=1).astype(dtype)


def torch_suppression(boxes, scores, threshold):
    """The greedy rule as it is usually written: the overlaps of the best box with the others, and what is left."""
    order, kept = scores.argsort(descending=True, stable=True), []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        order = order[torch_iou(boxes[best][None], boxes[order])[0] <= threshold]
    return torch.stack(kept)


def torch_iou(boxes, others):
    near = torch.maximum(boxes[:, None, :2], others[:, :2])
    far = torch.minimum(boxes[:, None, 2:], others[:, 2:])
    common = (far - near).clamp(min=0).prod(dim=2)
    areas = [(b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1]) for b in (boxes, others)]
    return common / (areas[0][:, None] + areas[1] - common)


def row(group, name, targets, make, *arguments, **more):
    return Row(group, name, lambda dtype: make(dtype, *arguments, **more), targets)


average = partial(average_pool, count_padding=False)
torch_average = partial(F.avg_pool2d, count_include_pad=False)

ROWS = [
    row("1x1", "56x56, 64 > 256", (1.05, 1.0), conv, 1, 1, 56, 64, 256),
    row("1x1", "14x14, 1024 > 256", (1.05, 1.0), conv, 1, 1, 14, 1024, 256),
    row("1x1", "7x7, 512 > 2048", (1.05, 1.0), conv, 1, 1, 7, 512, 2048),
    row("1x1", "stride 2, 56x56, 256 > 512", (1.05, 1.0), conv, 1, 2, 56, 256, 512),
    row("3x3, C >= 64", "56x56, 64", (None, None), conv, 3, 1, 56, 64, 64),
    row("3x3, C >= 64", "28x28, 128", (None, None), conv, 3, 1, 28, 128, 128),
    row("3x3, C >= 64", "14x14, 256", (None, None), conv, 3, 1, 14, 256, 256),
    row("3x3, C >= 64", "7x7, 512", (None, None), conv, 3, 1, 7, 512, 512),
    row("stride 2", "7x7, 224x224, 3 > 64", (1.15, 1.0), conv, 7, 2, 224, 3, 64),
    row("stride 2", "3x3, 56x56, 128", (1.15, 1.0), conv, 3, 2, 56, 128, 128),
    row("stride 2", "3x3, 28x28, 256", (1.15, 1.0), conv, 3, 2, 28, 256, 256),
    row("CIFAR", "3x3, 32x32, 16, batch 32", (1.8, 0.9), conv, 3, 1, 32, 16, 16, m=32),
    row("CIFAR", "3x3, 16x16, 32, batch 32", (None, None), conv, 3, 1, 16, 32, 32, m=32),
    row("CIFAR", "3x3, 8x8, 64, batch 32", (None, None), conv, 3, 1, 8, 64, 64, m=32),
    row("depthwise", "3x3, 56x56, 144", (4.5, 1.4), conv, 3, 1, 56, 144, 144, groups=144),
    row("depthwise", "3x3 stride 2, 28x28, 192", (4.5, 1.4), conv, 3, 2, 28, 192, 192, groups=192),
    row("depthwise", "3x3, 14x14, 384", (4.5, 1.4), conv, 3, 1, 14, 384, 384, groups=384),
    row("dense", "2048 > 1000, 2 examples", (None, None), wide, 2048, 1000, 2),
    row("dense", "4096 > 4096, 32 examples", (None, None), wide, 4096, 4096, 32),
    row("batch norm", "56x56, 64", (2.5, 2.5), normalization, 56, 64),
    row("batch norm", "14x14, 256", (2.5, 2.5), normalization, 14, 256),
    row("max pool", "3x3 stride 2, forward", (3.0, 3.0), pool, "forward", max_pool, F.max_pool2d, 3, 2, 1, 112, 64),
    row("max pool", "3x3 stride 2, backward", (4.0, 4.0), pool, "backward", max_pool, F.max_pool2d, 3, 2, 1, 112, 64),
    row("max pool", "2x2 stride 2, forward", (3.0, 3.0), pool, "forward", max_pool, F.max_pool2d, 2, 2, 0, 56, 64),
    row("max pool", "2x2 stride 2, backward", (4.0, 4.0), pool, "backward", max_pool, F.max_pool2d, 2, 2, 0, 56, 64),
    row("average pool", "2x2 stride 2", (None, None), pool, "both", average, torch_average, 2, 2, 0, 56, 64),
    row("relu", "56x56, 64", (None, None), rectifier, 56, 64),
    row("cross-entropy", "256 x 1000", (1.0, 1.0), cross_entropy, 256, 1000),
    row("cross-entropy", "128 x 10", (1.0, 1.0), cross_entropy, 128, 10),
    row("suppression", "5000 boxes, most dropped", (2.0, 2.0), suppression, 100),
    row("suppression", "5000 boxes, most kept", (2.0, 2.0), suppression, 1000),
    row("IoU", "1000 x 1000", (2.0, 2.0), overlap),
]
MEANS = {"3x3, C >= 64": (0.95, 0.8)}
"""Targets for the geometric mean of a group."""
