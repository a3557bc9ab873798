"""Ports to other forms: a flax.linen module with its variables, a JAX function with its parameters."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import torch
import torch.nn.functional as F
from flax import linen
from torch import nn

from tests.ports.port import Mistake, Port, images


class Dense2(nn.Module):
    """Two dense connections and transitions, as in DenseNet."""

    def __init__(self):
        super().__init__()
        self.conv0 = nn.Conv2d(3, 6, 3, padding=1)
        self.conv1, self.ln1 = nn.Conv2d(6, 4, 3, padding=1), nn.GroupNorm(2, 6)
        self.conv2, self.ln2 = nn.Conv2d(10, 4, 3, padding=1), nn.GroupNorm(2, 10)
        self.fc = nn.Linear(14, 3)

    def forward(self, x):
        x = self.conv0(x)
        x = torch.cat([x, self.conv1(F.relu(self.ln1(x)))], 1)
        x = torch.cat([x, self.conv2(F.relu(self.ln2(x)))], 1)
        return torch.log_softmax(self.fc(x.amax((2, 3))), -1)


class Dense2Port(linen.Module):
    act: object = jax.nn.relu
    eps: float = 1e-5
    log: bool = True
    first: bool = False
    mean: bool = False
    padding: str = "SAME"

    @linen.compact
    def __call__(self, x):
        x = linen.Conv(6, (3, 3))(x)
        for i in range(2):
            y = linen.GroupNorm(2, epsilon=self.eps if i else 1e-5)(x)
            y = linen.Conv(4, (3, 3), padding=self.padding if i else "SAME")((self.act if i else jax.nn.relu)(y))
            x = jnp.concatenate([y, x] if self.first and i else [x, y], -1)
        x = x.mean((1, 2)) if self.mean else x.max((1, 2))
        x = linen.Dense(3)(x)
        return jax.nn.log_softmax(x) if self.log else jax.nn.softmax(x)


class LinenTwin:
    """A linen module with its variables, whose fields a mistake may change."""

    def __init__(self):
        self.module = Dense2Port()

    def given(self):
        return self.module, self.module.init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)))


def field(**changes):
    def plant(twin):
        twin.module = replace(twin.module, **changes)

    return plant


LINEN = Port(
    "linen",
    Dense2,
    LinenTwin,
    lambda: {"x": images(3, 3, 8, 8)},
    (
        Mistake("gelu for relu", field(act=jax.nn.gelu), [""], ["activation-other"]),
        Mistake("eps", field(eps=1e-6), ["ln2"], ["groupnorm-eps"]),
        Mistake("probabilities", field(log=False), [""], ["log-softmax-for-softmax"]),
        Mistake("concatenated in the other order", field(first=True), [""], ["concat-order"]),
        Mistake("mean for max", field(mean=True), [""], ["max-for-mean-pooling"]),
        Mistake("wrapped border", field(padding="CIRCULAR"), ["conv2"], ["conv-padding-mode"]),
        Mistake("a made-up activation", field(act=lambda x: jnp.sin(x) + 1), [""]),
    ),
)


class Mixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(6)
        self.tokens = nn.Sequential(nn.Linear(5, 7), nn.GELU(), nn.Linear(7, 5))
        self.channels = nn.Sequential(nn.Linear(6, 9), nn.GELU(), nn.Linear(9, 6))
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        x = x + self.tokens(self.norm(x).transpose(1, 2)).transpose(1, 2)
        x = x + self.channels(x)
        return self.head(x.mean(1))


class MixerTwin:
    """A function of (parameters, x) in the style of pure JAX; mistakes are keys of `ways`."""

    def __init__(self):
        self.ways = {}

    def given(self):
        keys = iter(jax.random.split(jax.random.key(0), 8))

        def dense(n, m):
            return {"w": jax.random.normal(next(keys), (n, m)) / n**0.5, "b": jnp.zeros(m)}

        params = {
            "ln": {"g": jnp.ones(6), "b": jnp.zeros(6)},
            "mix_t": [dense(5, 7), dense(7, 5)],
            "mix_c": [dense(6, 9), dense(9, 6)],
            "out": dense(6, 2),
        }
        return self.function, params

    def function(self, params, x):
        ways = {"act": lambda y: jax.nn.gelu(y, approximate=False), "eps": 1e-5, "skip": True, "mean": True} | self.ways

        def dense(p, y):
            return y @ p["w"] + p["b"]

        def mlp(p, y):
            return dense(p[1], ways["act"](dense(p[0], y)))

        mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        y = (x - mean) / jnp.sqrt(var + ways["eps"]) * params["ln"]["g"] + params["ln"]["b"]
        y = mlp(params["mix_t"], y.swapaxes(1, 2)).swapaxes(1, 2)
        x = x + y if ways["skip"] else y
        x = x + mlp(params["mix_c"], x)
        return dense(params["out"], x.mean(1) if ways["mean"] else x.sum(1))


def way(**ways):
    return lambda twin: twin.ways.update(ways)


FUNCTION = Port(
    "function",
    Mixer,
    MixerTwin,
    lambda: {"x": images(4, 5, 6)},
    (
        Mistake("gelu by tanh", way(act=jax.nn.gelu), ["tokens.1"], ["gelu-tanh-default"]),
        Mistake("eps", way(eps=1e-3), ["norm"], ["layernorm-eps"]),
        Mistake("no skip", way(skip=False), [""], ["residual-missing"]),
        Mistake("sum for mean", way(mean=False), [""], ["scale-count"]),
    ),
)

PORTS = (LINEN, FUNCTION)
