"""What bench_ports.py measures: nets of the ports, and two ways to make a training step of each.

A row names the net's class and arguments, and the functions in plain_torch.py and plain_jax.py that are the same net.
To measure another, add a Row to ROWS.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import plain_jax
import plain_torch
import torch
import torch.nn.functional as F
from flax import nnx

from crosscheck import registry

RATE = 1e-4
COMPILED = "/jax/core/compile/backend_compile_duration"
RESNET = "nets.resnet.ResNet"


@dataclass(frozen=True)
class Row:
    name: str
    target: str
    plain: str
    image: tuple[int, int, int]
    m: int
    classes: int = 10
    arguments: dict = field(default_factory=dict)


SMALL = {"block": "basic", "layers": (3, 3, 3), "widths": (16, 32, 64), "num_classes": 10, "small_images": True}
LARGE = {"block": "bottleneck", "layers": (3, 4, 6, 3)}
ROWS = [
    Row("the notes' small net, batch 64", "nets.conv_net.ConvNet", "conv_net", (39, 39, 3), 64),
    Row("LeNet-5, batch 64", "nets.lenet.LeNet5", "lenet", (32, 32, 1), 64, 10, {"activation": "relu", "pool": "max"}),
    Row("ResNet-20, batch 32", RESNET, "resnet_small", (32, 32, 3), 32, 10, SMALL),
    Row("ResNet-50, batch 2", RESNET, "resnet50", (224, 224, 3), 2, 1000, LARGE),
]


@dataclass
class Contest:
    """Two ways to make the same step, how far apart their gradients are, and what else is to be said."""

    ours: Callable
    plain: Callable
    error: float
    remark: str = ""


def batch(row):
    rng = np.random.default_rng(1)
    return rng.standard_normal((row.m, *row.image), np.float32), rng.integers(0, row.classes, row.m)


def distance(ours, plain):
    """The largest difference of two lists of gradients, over the largest gradient of each array."""
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(ours, plain, strict=True))


def torch_contest(row):
    ours, plain = registry.find("torch", row.target)(**row.arguments), getattr(plain_torch, row.plain)()
    with torch.no_grad():
        for mine, its in zip(ours.parameters(), plain.parameters(), strict=True):
            its.copy_(mine)
    steps = [torch_step(net, *batch(row)) for net in (ours, plain)]
    for step in steps:
        step()
    error = distance(*([p.grad.numpy() for p in net.parameters()] for net in (ours, plain)))
    return Contest(*steps, error)


def torch_step(net, X, y):
    x, y = torch.tensor(X.transpose(0, 3, 1, 2)).contiguous(), torch.tensor(y)
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE)

    def step():
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

    return step


def compiled_contest(row):
    """The same net compiled (ours) and eager (plain)."""
    nets = [registry.find("torch", row.target)(**row.arguments) for _ in range(2)]
    nets[0].load_state_dict(nets[1].state_dict())
    steps = [torch_step(net, *batch(row)) for net in (torch.compile(nets[0]), nets[1])]
    start = time.perf_counter()
    steps[0]()
    took = time.perf_counter() - start
    steps[1]()
    error = distance(*([p.grad.numpy() for p in net.parameters()] for net in nets))
    return Contest(*steps, error, f"compiled in {took:.0f} s; beside it: eager")


def jax_contest(row):
    model = nnx.eval_shape(lambda: registry.find("jax", row.target)(**row.arguments, rngs=nnx.Rngs(0)))
    rng = np.random.default_rng(2)
    graph, params, statistics = nnx.split(model, nnx.Param, nnx.BatchStat)
    params, statistics = (jax.tree.map(lambda leaf: start(leaf, rng), tree) for tree in (params, statistics))
    plain = getattr(plain_jax, row.plain)

    def ours(p, s, x):
        model = nnx.merge(graph, p, s, copy=True)
        return model(x), nnx.state(model, nnx.BatchStat)

    X, y = map(jnp.asarray, batch(row))
    walks = [Walk(ours, params, statistics, X, y)]
    walks.append(Walk(plain, nnx.to_pure_dict(params), nnx.to_pure_dict(statistics), X, y))
    gradients = [jax.tree.leaves(walk.gradients()) for walk in walks]
    remark = "; ".join(f"{name} {walk.compilations()}" for name, walk in zip(("ours", "plain"), walks))
    return Contest(walks[0].step, walks[1].step, distance(*gradients), remark)


def start(leaf, rng):
    """Filters and weights by "he"; a vector (bias, scale, statistics) near 1."""
    scale = np.sqrt(2 / np.prod(leaf.shape[:-1])) if leaf.ndim > 1 else 0.1
    return jnp.asarray(scale * rng.standard_normal(leaf.shape) + (leaf.ndim == 1), leaf.dtype)


class Walk:
    """Steps of gradient descent on a function net(p, s, x) -> logits, s."""

    def __init__(self, net, p, s, x, y):
        self.p, self.s, self.x, self.y = p, s, x, y

        def cost(p, s, x, y):
            logits, after = net(p, s, x)
            return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1).mean(), after

        def step(p, s, x, y):
            gradients, after = jax.grad(cost, has_aux=True)(p, s, x, y)
            return jax.tree.map(lambda w, g: w - RATE * g, p, gradients), after, gradients

        self.run = jax.jit(step)

    def gradients(self):
        return jax.tree.map(np.asarray, self.run(self.p, self.s, self.x, self.y)[2])

    def step(self):
        self.p, self.s, _ = jax.block_until_ready(self.run(self.p, self.s, self.x, self.y))

    def compilations(self):
        """How many programs two more steps compile, in words."""
        count = [0]
        listen = lambda event, _seconds, **_: count.__setitem__(0, count[0] + (event == COMPILED))  # noqa: E731
        jax.monitoring.register_event_duration_secs_listener(listen)
        self.step()
        self.step()
        return f"compiled again: {count[0]}" if count[0] else "compiled once"


CONTESTS = {"torch": torch_contest, "jax": jax_contest, "compiled": compiled_contest}
