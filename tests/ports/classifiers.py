"""Image classifiers: an MLP, a residual net, a mobile net, a ConvNeXt."""

from functools import partial

import jax
import jax.numpy as jnp
import torch
import torch.nn.functional as F
from flax import nnx
from torch import nn

from tests.ports.port import BatchNorm, Mistake, Port, change, images, rngs


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 9)
        self.bn = nn.BatchNorm1d(9)
        self.drop = nn.Dropout(0.25)
        self.fc2 = nn.Linear(9, 9)
        self.fc3 = nn.Linear(9, 4)

    def forward(self, x):
        x = self.drop(torch.relu(self.bn(self.fc1(x))))
        return self.fc3(torch.tanh(self.fc2(x)))


class MlpPort(nnx.Module):
    def __init__(self, rngs):
        self.first = nnx.Linear(6, 9, rngs=rngs)
        self.standardize = BatchNorm(9, momentum=0.9, rngs=rngs)
        self.noise = nnx.Dropout(0.25, rngs=rngs)
        self.second = nnx.Linear(9, 9, rngs=rngs)
        self.last = nnx.Linear(9, 4, rngs=rngs)
        self.act, self.act2 = jax.nn.relu, jnp.tanh

    def __call__(self, x):
        return self.last(self.act2(self.second(self.noise(self.act(self.standardize(self.first(x)))))))


MLP = Port(
    "mlp",
    Mlp,
    lambda: MlpPort(rngs()),
    lambda: {"x": images(12, 6)},
    (
        Mistake("eps of batch norm", change("standardize", epsilon=1e-3), ["bn"], ["batchnorm-eps"]),
        Mistake("momentum complement", change("standardize", momentum=0.1), ["bn"], ["batchnorm-momentum-complement"]),
        Mistake("silu for relu", change("", act=jax.nn.silu), [""], ["activation-other"]),
        Mistake("tanh forgotten", change("", act2=lambda x: x), [""], ["activation-missing"]),
        Mistake(
            "leaky relu", change("", act=partial(jax.nn.leaky_relu, negative_slope=0.01)), [""], ["leaky-relu-slope"]
        ),
        Mistake("a made-up activation", change("", act=lambda x: jnp.sin(x) + 0.3 * x**2), [""]),
        Mistake("dropout's rate", change("noise", rate=0.5), [""], ["dropout-rate"]),
        Mistake(
            "weight not transposed",
            change("second", dot_general=lambda x, w, *a, **k: x @ w.T),
            ["fc2"],
            ["linear-kernel-transpose"],
        ),
    ),
)


class Block(nn.Module):
    def __init__(self, c_in, c, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        self.conv2 = nn.Conv2d(c, c, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c)
        narrow = stride == 1 and c_in == c
        self.down = (
            nn.Identity() if narrow else nn.Sequential(nn.Conv2d(c_in, c, 1, stride, bias=False), nn.BatchNorm2d(c))
        )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.down(x))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 5, 2, 2)
        self.layers = nn.Sequential(Block(8, 8, 1), Block(8, 12, 2))
        self.fc = nn.Linear(12, 5)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.stem(x)), 3, 2, 1)
        return self.fc(self.layers(x).mean((2, 3)))


class Cell(nnx.Module):
    def __init__(self, c_in, c, stride, rngs):
        conv = partial(nnx.Conv, padding=1, use_bias=False, rngs=rngs)
        self.a = conv(c_in, c, (3, 3), stride)
        self.na = BatchNorm(c, momentum=0.9, rngs=rngs)
        self.b = conv(c, c, (3, 3))
        self.nb = BatchNorm(c, momentum=0.9, rngs=rngs)
        self.wide = stride != 1 or c_in != c
        if self.wide:
            self.proj = nnx.Conv(c_in, c, (1, 1), stride, padding=0, use_bias=False, rngs=rngs)
            self.projn = BatchNorm(c, momentum=0.9, rngs=rngs)
        self.skip, self.last, self.still = True, jax.nn.relu, None

    def __call__(self, x):
        y = self.nb(self.b(jax.nn.relu(self.na(self.a(x)))), self.still)
        if self.skip:
            y = y + (self.projn(self.proj(x)) if self.wide else x)
        return self.last(y)


class ResidualPort(nnx.Module):
    def __init__(self, rngs):
        self.begin = nnx.Conv(3, 8, (5, 5), 2, padding=2, rngs=rngs)
        self.cells = nnx.List([Cell(8, 8, 1, rngs), Cell(8, 12, 2, rngs)])
        self.head = nnx.Linear(12, 5, rngs=rngs)
        self.pool = partial(nnx.max_pool, window_shape=(3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
        self.scale = 1.0

    def __call__(self, x):
        x = self.pool(jax.nn.relu(self.begin(x * self.scale)))
        for cell in self.cells:
            x = cell(x)
        return self.head(x.mean((1, 2)))


RESIDUAL = Port(
    "residual",
    Residual,
    lambda: ResidualPort(rngs()),
    lambda: {"x": images(3, 3, 24, 24)},
    (
        Mistake("SAME at stride 2", change("begin", padding="SAME"), ["stem"], ["conv-same-stride2"]),
        Mistake(
            "SAME at stride 2 inside", change("cells.1.a", padding="SAME"), ["layers.1.conv1"], ["conv-same-stride2"]
        ),
        Mistake("no skip", change("cells.0", skip=False), ["layers.0"], ["residual-missing"]),
        Mistake("no skip at the projection", change("cells.1", skip=False), ["layers.1"], ["residual-missing"]),
        Mistake("no relu after the sum", change("cells.0", last=lambda x: x), ["layers.0"], ["activation-missing"]),
        Mistake("eps", change("cells.1.nb", epsilon=1e-3), ["layers.1.bn2"], ["batchnorm-eps"]),
        Mistake("momentum", change("cells.0.na", momentum=0.99), ["layers.0.bn1"], ["batchnorm-momentum-complement"]),
        Mistake(
            "running statistics in training",
            change("cells.0", still=True),
            ["layers.0.bn2"],
            ["batchnorm-use-running-average"],
        ),
        Mistake(
            "average for max pooling",
            change("", pool=partial(nnx.avg_pool, window_shape=(3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))),
            [""],
            ["max-for-mean-pooling"],
        ),
        Mistake(
            "pooling SAME",
            change("", pool=partial(nnx.max_pool, window_shape=(3, 3), strides=(2, 2), padding="SAME")),
            [""],
            ["maxpool-same-vs-pad1"],
        ),
        Mistake("inputs not scaled", change("", scale=1 / 255), [""], ["scale-constant"]),
        Mistake("a made-up last activation", change("cells.1", last=lambda x: jnp.sin(3 * x)), ["layers.1"]),
        Mistake("reflected border", change("cells.0.b", padding="REFLECT"), ["layers.0.conv2"], ["conv-padding-mode"]),
    ),
)


class Squeeze(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.down, self.up = nn.Conv2d(c, 4, 1), nn.Conv2d(4, c, 1)

    def forward(self, x):
        return x * F.hardsigmoid(self.up(F.relu(self.down(x.mean((2, 3), keepdim=True)))))


class Inverted(nn.Module):
    def __init__(self, c_in, c_mid, c, stride):
        super().__init__()
        self.expand = nn.Sequential(nn.Conv2d(c_in, c_mid, 1, bias=False), nn.BatchNorm2d(c_mid), nn.Hardswish())
        self.depth = nn.Sequential(
            nn.Conv2d(c_mid, c_mid, 3, stride, 1, groups=c_mid, bias=False), nn.BatchNorm2d(c_mid), nn.ReLU6()
        )
        self.se = Squeeze(c_mid)
        self.project = nn.Sequential(nn.Conv2d(c_mid, c, 1, bias=False), nn.BatchNorm2d(c))
        self.skip = stride == 1 and c_in == c

    def forward(self, x):
        y = self.project(self.se(self.depth(self.expand(x))))
        return x + y if self.skip else y


class Mobile(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Inverted(3, 8, 6, 2), Inverted(6, 10, 6, 1))
        self.out = nn.Linear(6, 4)

    def forward(self, x):
        return self.out(self.blocks(x).mean((2, 3)))


class InvertedPort(nnx.Module):
    def __init__(self, c_in, c_mid, c, stride, rngs):
        conv = partial(nnx.Conv, use_bias=False, rngs=rngs)
        self.grow, self.grown = conv(c_in, c_mid, (1, 1)), BatchNorm(c_mid, momentum=0.9, rngs=rngs)
        self.each = conv(c_mid, c_mid, (3, 3), stride, padding=1, feature_group_count=c_mid)
        self.eachn = BatchNorm(c_mid, momentum=0.9, rngs=rngs)
        self.squeeze, self.excite = nnx.Linear(c_mid, 4, rngs=rngs), nnx.Linear(4, c_mid, rngs=rngs)
        self.shrink, self.shrunk = conv(c_mid, c, (1, 1)), BatchNorm(c, momentum=0.9, rngs=rngs)
        self.skip = stride == 1 and c_in == c
        self.act, self.act6, self.gate = jax.nn.hard_swish, jax.nn.relu6, jax.nn.hard_sigmoid

    def __call__(self, x):
        y = self.act6(self.eachn(self.each(self.act(self.grown(self.grow(x))))))
        share = self.excite(jax.nn.relu(self.squeeze(y.mean((1, 2)))))
        y = y * self.gate(share)[:, None, None, :]
        y = self.shrunk(self.shrink(y))
        return x + y if self.skip else y


class MobilePort(nnx.Module):
    def __init__(self, rngs):
        self.bricks = nnx.List([InvertedPort(3, 8, 6, 2, rngs), InvertedPort(6, 10, 6, 1, rngs)])
        self.top = nnx.Linear(6, 4, rngs=rngs)

    def __call__(self, x):
        for brick in self.bricks:
            x = brick(x)
        return self.top(x.mean((1, 2)))


MOBILE = Port(
    "mobile",
    Mobile,
    lambda: MobilePort(rngs()),
    lambda: {"x": images(3, 3, 12, 12)},
    (
        Mistake(
            "swish",
            change("bricks.0", act=jax.nn.silu),
            ["blocks.0", "blocks.0.expand", ""],
            ["hard-for-smooth-activation"],
        ),
        Mistake(
            "relu for relu6", change("bricks.1", act6=jax.nn.relu), ["blocks.1", "blocks.1.depth", ""], ["relu6-cap"]
        ),
        Mistake(
            "sigmoid gate",
            change("bricks.0", gate=jax.nn.sigmoid),
            ["blocks.0.se", "blocks.0"],
            ["hard-for-smooth-activation"],
        ),
        Mistake("SAME", change("bricks.0.each", padding="SAME"), ["blocks.0.depth.0"], ["conv-same-stride2"]),
        Mistake(
            "VALID, then padded",
            change("bricks.1.each", kernel_dilation=1, padding=((0, 2), (0, 2))),
            ["blocks.1.depth.0"],
            ["conv-padding"],
        ),
        Mistake("no skip", change("bricks.1", skip=False), ["blocks.1"], ["residual-missing"]),
        Mistake("eps", change("bricks.0.shrunk", epsilon=1e-3), ["blocks.0.project.1"], ["batchnorm-eps"]),
        Mistake(
            "momentum",
            change("bricks.1.grown", momentum=0.99),
            ["blocks.1.expand.1"],
            ["batchnorm-momentum-complement"],
        ),
        Mistake("a made-up gate", change("bricks.1", gate=lambda x: jnp.cos(x) ** 2), ["blocks.1.se", "blocks.1"]),
    ),
)


class Mix(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.dwconv = nn.Conv2d(c, c, 5, padding=2, groups=c)
        self.norm = nn.LayerNorm(c, eps=1e-6)
        self.pw1, self.pw2 = nn.Linear(c, 3 * c), nn.Linear(3 * c, c)
        self.gamma = nn.Parameter(torch.full((c,), 0.1))

    def forward(self, x):
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        y = self.gamma * self.pw2(F.gelu(self.pw1(y)))
        return x + y.permute(0, 3, 1, 2)


class Next(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 6, 2, 2)
        self.stages = nn.ModuleList([Mix(6), Mix(6)])
        self.norm = nn.LayerNorm(6, eps=1e-6)
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        x = self.patch(x)
        for stage in self.stages:
            x = stage(x)
        return self.head(self.norm(x.mean((2, 3))))


class MixPort(nnx.Module):
    def __init__(self, c, rngs):
        self.spatial = nnx.Conv(c, c, (5, 5), padding="SAME", feature_group_count=c, rngs=rngs)
        self.ln = nnx.LayerNorm(c, epsilon=1e-6, rngs=rngs)
        self.up, self.down = nnx.Linear(c, 3 * c, rngs=rngs), nnx.Linear(3 * c, c, rngs=rngs)
        self.scale = nnx.Param(jnp.full((c,), 0.1))
        self.act, self.scaled, self.skip = partial(jax.nn.gelu, approximate=False), True, True

    def __call__(self, x):
        y = self.down(self.act(self.up(self.ln(self.spatial(x)))))
        y = y * self.scale[...] if self.scaled else y
        return x + y if self.skip else y


class NextPort(nnx.Module):
    def __init__(self, rngs):
        self.embed = nnx.Conv(3, 6, (2, 2), 2, padding="VALID", rngs=rngs)
        self.trunk = nnx.List([MixPort(6, rngs), MixPort(6, rngs)])
        self.ln = nnx.LayerNorm(6, epsilon=1e-6, rngs=rngs)
        self.logits = nnx.Linear(6, 4, rngs=rngs)
        self.pool = lambda x: x.mean((1, 2))

    def __call__(self, x):
        x = self.embed(x)
        for part in self.trunk:
            x = part(x)
        return self.logits(self.ln(self.pool(x)))


NEXT = Port(
    "next",
    Next,
    lambda: NextPort(rngs()),
    lambda: {"x": images(3, 3, 10, 10)},
    (
        Mistake("gelu by tanh", change("trunk.0", act=jax.nn.gelu), ["stages.0"], ["gelu-tanh-default"]),
        Mistake("gelu by tanh, second", change("trunk.1", act=jax.nn.gelu), ["stages.1"], ["gelu-tanh-default"]),
        Mistake(
            "quick gelu", change("trunk.1", act=lambda x: x * jax.nn.sigmoid(1.702 * x)), ["stages.1"], ["quick-gelu"]
        ),
        Mistake("eps of layer norm", change("trunk.1.ln", epsilon=1e-3), ["stages.1.norm"], ["layernorm-eps"]),
        Mistake("eps of the last norm", change("ln", epsilon=1e-5), ["norm"], ["layernorm-eps"]),
        Mistake("no layer scale", change("trunk.0", scaled=False), ["stages.0"], ["parameter-unused"]),
        Mistake("no skip", change("trunk.1", skip=False), ["stages.1"], ["residual-missing"]),
        Mistake("sum for mean", change("", pool=lambda x: x.sum((1, 2))), [""], ["scale-count", "reduction-mean-sum"]),
        Mistake("max for mean", change("", pool=lambda x: x.max((1, 2))), [""], ["max-for-mean-pooling"]),
        Mistake(
            "wrapped border", change("trunk.0.spatial", padding="CIRCULAR"), ["stages.0.dwconv"], ["conv-padding-mode"]
        ),
        Mistake(
            "no bias in the norm",
            change("trunk.0.ln", bias=None),
            ["stages.0.norm"],
            ["layernorm-no-scale-or-bias"],
        ),
    ),
)

PORTS = (MLP, RESIDUAL, MOBILE, NEXT)
