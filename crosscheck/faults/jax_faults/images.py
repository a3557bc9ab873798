"""Mistakes in what stands around the convolutions of jax_impl: pools, norms, gates, drops, flattening, upsampling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from crosscheck.faults.catalogue import Replacement, Site, rows

FOLDER, CASE = "jax_impl.layers.", "layers."
MAX, AVERAGE = CASE + "pooling.MaxPool", CASE + "pooling.AveragePool"
NORM2D = CASE + "batch_norm_2d.BatchNorm2d"
GATE = CASE + "squeeze_excitation.SqueezeExcitation"
DEPTH = CASE + "stochastic_depth.StochasticDepth"
UPSAMPLE = CASE + "upsampling.Upsample"

largest = rows("jax", "max pool", where=FOLDER + "pooling:MaxPool.__call__")
average = rows("jax", "average pool", where=FOLDER + "pooling:AveragePool.__call__")
norm = rows("jax", "batch norm of images", where=FOLDER + "batch_norm_2d:BatchNorm2d.__call__")
depth = rows("jax", "stochastic depth", where=FOLDER + "stochastic_depth:StochasticDepth.__call__")
upsample = rows("jax", "upsampling", where=FOLDER + "upsampling:Upsample.__call__")


def windows(self: Any, x: Any) -> Any:
    """Every window of a pool side by side: m h w c (u v)."""
    (fh, fw), (m, h, w, c) = self.f, x.shape
    cut = x[:, : h // fh * fh, : w // fw * fw].reshape(m, h // fh, fh, w // fw, fw, c)
    return cut.transpose(0, 1, 3, 5, 2, 4).reshape(m, h // fh, w // fw, c, fh * fw)


def image_norm(axes: tuple[int, ...], factor: Callable[[Any], float] = lambda x: 1.0) -> Replacement:
    """Batch norm over the given axes, whose running variance is multiplied by a function of the batch."""

    def faulty(self: Any, x: Any) -> Any:
        if self.use_running_average:
            mean, var = self.mean[...], self.var[...]
        else:
            mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
            own = x.mean((0, 1, 2)), x.var((0, 1, 2)) * factor(x)
            for running, new in zip((self.mean, self.var), own):
                running[...] = self.momentum * running[...] + (1 - self.momentum) * new
        return (x - mean) / jnp.sqrt(var + self.epsilon) * self.scale[...] + self.bias[...]

    return lambda call: faulty


FAULTS = [
    largest(
        "padded with zeros",
        lambda call: (
            lambda self, x: nnx.max_pool(jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), self.f, self.stride, "VALID")
        ),
        Site(MAX + "/padding"),
        evidence=("maxpool-zero-padding",),
    ),
    largest(
        "'same' as the library pads",
        lambda call: lambda self, x: nnx.max_pool(x, self.f, self.stride, "SAME"),
        Site(MAX + "/same"),
        evidence=("maxpool-same-vs-pad1",),
    ),
    largest(
        "gradient shared among equal maxima",
        lambda call: lambda self, x: windows(self, x).max(-1),
        Site(MAX + "/ties"),
        bites="gradient",
        evidence=("maxpool-tie-gradient", "max-dim-tie"),
    ),
    largest(
        "stride of 1, the library's default",
        lambda call: lambda self, x: nnx.max_pool(x, self.f),
        Site(MAX),
        evidence=("pool-default-stride",),
    ),
    average(
        "padding counted, the library's default",
        lambda call: lambda self, x: self.window_sum(x) / (self.f[0] * self.f[1]),
        Site(AVERAGE + "/padding"),
        evidence=("avgpool-same-count",),
    ),
    rows("jax", "global pool", where=FOLDER + "pooling:GlobalAveragePool.__call__")(
        "over the axes that are the image's when channels come first",
        lambda call: lambda self, x: jnp.broadcast_to(x.mean((2, 3))[:, :1], (len(x), x.shape[3])),
        Site(CASE + "pooling.GlobalAveragePool"),
        evidence=("global-pool-axes",),
    ),
    norm("a mean for every pixel", image_norm((0,)), Site(NORM2D), evidence=("batchnorm-feature-axis",)),
    norm(
        "unbiased running variance",
        image_norm((0, 1, 2), lambda x: 1 / (1 - x.shape[3] / x.size)),
        Site(NORM2D),
        bites="state",
        evidence=("batchnorm-unbiased-running-var",),
    ),
    rows("jax", "local response norm", where=FOLDER + "local_response_norm:LocalResponseNorm.__call__")(
        "neighbours along the width, not the channels",
        lambda call: lambda self, x: call(self, x.swapaxes(2, 3)).swapaxes(2, 3),
        Site(CASE + "local_response_norm.LocalResponseNorm/strong"),
        evidence=("channel-split-axis",),
    ),
    rows("jax", "squeeze and excitation", where=FOLDER + "squeeze_excitation:SqueezeExcitation.__call__")(
        "squeezed over the height alone",
        lambda call: (
            lambda self, x: x * jax.nn.sigmoid(self.fc2(self.activation(self.fc1(x.mean(axis=1, keepdims=True)))))
        ),
        Site(GATE),
        evidence=("global-pool-axes",),
    ),
    rows("jax", "squeeze and excitation", where=FOLDER + "squeeze_excitation:SqueezeExcitation.__call__")(
        "gate cut off from the gradient",
        lambda call: (
            lambda self, x: (
                x
                * jax.lax.stop_gradient(
                    jax.nn.sigmoid(self.fc2(self.activation(self.fc1(x.mean(axis=(1, 2), keepdims=True)))))
                )
            )
        ),
        Site(GATE),
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    depth(
        "one draw for the whole batch",
        lambda call: (
            lambda self, x: (
                x if self.deterministic else jnp.where(self.uniform(x)[:1] < self.keep_prob, x / self.keep_prob, 0)
            )
        ),
        Site(DEPTH),
        evidence=("attention-dropout-broadcast",),
    ),
    depth(
        "active in eval mode",
        lambda call: lambda self, x: jnp.where(self.uniform(x) < self.keep_prob, x / self.keep_prob, 0),
        Site(DEPTH),
        evidence=("dropout-eval-flag",),
    ),
    upsample(
        "bicubic for bilinear",
        lambda call: (
            lambda self, x: jax.image.resize(
                x, (len(x), x.shape[1] * self.scale[0], x.shape[2] * self.scale[1], x.shape[3]), "cubic"
            )
        ),
        Site(UPSAMPLE + "/bilinear"),
        evidence=("resize-bicubic-a",),
    ),
    upsample(
        "tiled instead of repeated",
        lambda call: lambda self, x: jnp.tile(x, (1, *self.scale, 1)),
        Site(UPSAMPLE),
        evidence=("repeat-vs-tile",),
    ),
    rows("jax", "flatten", where=FOLDER + "flatten:Flatten.__call__")(
        "channels first, as the weights of a port expect",
        lambda call: lambda self, x: x.transpose(0, 3, 1, 2).reshape(len(x), -1),
        Site(CASE + "flatten.Flatten"),
        Site("nets.conv_net.ConvNet", "flatten"),
        evidence=("flatten-order-dense",),
    ),
    rows("jax", "zero padding", where=FOLDER + "padding:ZeroPad.__call__")(
        "the edge repeated instead of zeros",
        lambda call: lambda self, x: jnp.pad(x, ((0, 0), *(2 * [2 * (self.padding,)]), (0, 0)), "edge"),
        Site(CASE + "padding.ZeroPad"),
        evidence=("pad-mode-names",),
    ),
    rows("jax", "edge filter", where=FOLDER + "filters:detect_edges")(
        "flipped, as a true convolution",
        lambda original: lambda x, kind="vertical": original(x[:, ::-1, ::-1], kind)[:, ::-1, ::-1],
        Site(CASE + "filters.detect_edges"),
        evidence=("numpy-convolve-flips-kernel",),
    ),
    largest(
        "by way of reduce_window",
        lambda call: (
            lambda self, x: lax.reduce_window(x, -jnp.inf, lax.max, (1, *self.f, 1), (1, *self.stride, 1), "VALID")
        ),
        Site(MAX),
        bites="nothing",
    ),
]
