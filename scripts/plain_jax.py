"""The networks of bench_ports.py as functions of arrays: net(p, s, x) -> logits, running statistics afterwards.

`p` and `s` are nested dicts with the names of jax_impl.
"""

import jax.numpy as jnp
from jax import lax
from jax.nn import relu


def conv(p, x, stride=1, pad=0):
    y = lax.conv_general_dilated(
        x, p["kernel"], (stride, stride), ((pad, pad), (pad, pad)), dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return y + p["bias"] if "bias" in p else y


def norm(p, s, x):
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    after = {"mean": 0.9 * s["mean"] + 0.1 * mean, "var": 0.9 * s["var"] + 0.1 * var}
    return (x - mean) * lax.rsqrt(var + 1e-5) * p["scale"] + p["bias"], after


def max_pool(x, f, stride, pad=0):
    sides = ((0, 0), (pad, pad), (pad, pad), (0, 0))
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, f, f, 1), (1, stride, stride, 1), sides)


def dense(p, x):
    return x @ p["kernel"] + p["bias"]


def conv_net(p, s, x):
    x = relu(conv(p["conv1"], x))
    x = relu(conv(p["conv2"], x, 2))
    x = relu(conv(p["conv3"], x, 2))
    return dense(p["fc"], x.reshape(len(x), -1)), s


def lenet(p, s, x):
    x = max_pool(relu(conv(p["conv1"], x)), 2, 2)
    x = max_pool(relu(conv(p["conv2"], x)), 2, 2)
    x = relu(dense(p["fc1"], x.reshape(len(x), -1)))
    return dense(p["fc3"], relu(dense(p["fc2"], x))), s


def block(p, s, x, stride):
    """A bottleneck if it has a third convolution, a basic block if not; the 3x3 convolution has the stride."""
    after, deep = {}, "conv3" in p
    z = conv(p["conv1"], x, 1 if deep else stride, 0 if deep else 1)
    z, after["bn1"] = norm(p["bn1"], s["bn1"], z)
    z = conv(p["conv2"], relu(z), stride if deep else 1, 1)
    z, after["bn2"] = norm(p["bn2"], s["bn2"], z)
    if deep:
        z, after["bn3"] = norm(p["bn3"], s["bn3"], conv(p["conv3"], relu(z)))
    if "downsample" in p:
        x, kept = norm(p["downsample"][1], s["downsample"][1], conv(p["downsample"][0], x, stride))
        after["downsample"] = {1: kept}
    return relu(z + x), after


def resnet(p, s, x, stride, pad, pool):
    after = {}
    x, after["bn1"] = norm(p["bn1"], s["bn1"], conv(p["conv1"], x, stride, pad))
    x = relu(x)
    if pool:
        x = max_pool(x, 3, 2, 1)
    for stage in sorted(name for name in p if name.startswith("layer")):
        after[stage] = {}
        for i in sorted(p[stage]):
            first = stage != "layer1" and i == 0
            x, after[stage][i] = block(p[stage][i], s[stage][i], x, 2 if first else 1)
    return dense(p["fc"], x.mean((1, 2))), after


def resnet_small(p, s, x):
    return resnet(p, s, x, 1, 1, False)


def resnet50(p, s, x):
    return resnet(p, s, x, 2, 3, True)
