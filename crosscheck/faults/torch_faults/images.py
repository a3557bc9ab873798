"""Mistakes in what stands around the convolutions of torch_impl: norms, gates, drops, pads, flattening, upsampling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from crosscheck.faults.catalogue import Replacement, Site, rows

FOLDER, CASE = "torch_impl.layers.", "layers."
NORM2D = CASE + "batch_norm_2d.BatchNorm2d"
RESPONSE = CASE + "local_response_norm.LocalResponseNorm"
GATE = CASE + "squeeze_excitation.SqueezeExcitation"
DEPTH = CASE + "stochastic_depth.StochasticDepth"
UPSAMPLE = CASE + "upsampling.Upsample"

norm = rows("torch", "batch norm of images", where=FOLDER + "batch_norm_2d:BatchNorm2d.forward")
response = rows("torch", "local response norm", where=FOLDER + "local_response_norm:LocalResponseNorm.forward")
gate = rows("torch", "squeeze and excitation", where=FOLDER + "squeeze_excitation:SqueezeExcitation.forward")
depth = rows("torch", "stochastic depth", where=FOLDER + "stochastic_depth:StochasticDepth.forward")
upsample = rows("torch", "upsampling", where=FOLDER + "upsampling:Upsample.forward")


def image_norm(dims: tuple[int, ...] = (0, 2, 3), unbiased: Callable[[Any], float] = lambda x: 1.0) -> Replacement:
    """Batch norm over the given axes, whose running variance is multiplied by a function of the batch."""

    def faulty(self: Any, x: Any) -> Any:
        if not self.training:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        mean, var = x.mean(dims, keepdim=True), x.var(dims, correction=0, keepdim=True)
        with torch.no_grad():
            self.running_mean.lerp_(x.mean((0, 2, 3)), self.momentum)
            self.running_var.lerp_(x.var((0, 2, 3), correction=0) * unbiased(x), self.momentum)
        y = (x - mean) * torch.rsqrt(var + self.eps)
        return y * self.weight[:, None, None] + self.bias[:, None, None]

    return lambda forward: faulty


def gated(
    q: Callable[[Any], Any] = lambda x: x.mean((2, 3), keepdim=True),
    scale: Callable[[Any, Any], Any] = lambda x, z: x * torch.sigmoid(z),
    activate: bool = True,
) -> Replacement:
    """Squeeze and excitation with another squeeze q(x), another use of the logits z, or nothing between its layers."""

    def faulty(self: Any, x: Any) -> Any:
        hidden = self.fc1(q(x))
        return scale(x, self.fc2(self.activation(hidden) if activate else hidden))

    return lambda forward: faulty


def dropped(drop: Callable[..., Any]) -> Replacement:
    """Stochastic depth by another rule, drop(self, x, u), and the identity in eval mode."""
    return lambda forward: lambda self, x: drop(self, x, self.uniform(x)) if self.training else x


FAULTS = [
    norm(
        "a mean for every pixel",
        image_norm((0,)),
        Site(NORM2D),
        evidence=("batchnorm-feature-axis",),
    ),
    norm("a mean for every image", image_norm((2, 3)), Site(NORM2D), evidence=("instancenorm-affine-default",)),
    norm(
        "a mean for every image and all its channels",
        image_norm((1, 2, 3)),
        Site(NORM2D),
        evidence=("groupnorm-leading-axes",),
    ),
    norm(
        "unbiased running variance",
        image_norm(unbiased=lambda x: 1 / (1 - x.shape[1] / x.numel())),
        Site(NORM2D),
        bites="state",
        evidence=("batchnorm-unbiased-running-var",),
    ),
    norm(
        "running variance unbiased as if only examples counted",
        image_norm(unbiased=lambda x: len(x) / (len(x) - 1)),
        Site(NORM2D),
        bites="state",
        evidence=("batchnorm-unbiased-running-var",),
    ),
    norm("written out step by step", image_norm(), Site(NORM2D), bites="nothing"),
    response(
        "alpha divided by the number of neighbours",
        lambda forward: lambda self, x: F.local_response_norm(x, self.n, self.alpha, self.beta, self.k),
        Site(RESPONSE + "/strong"),
    ),
    response(
        "k left at the library's default",
        lambda forward: lambda self, x: F.local_response_norm(x, self.n, self.alpha * self.n, self.beta),
        Site(RESPONSE),
    ),
    response(
        "two neighbours too many",
        lambda forward: (
            lambda self, x: F.local_response_norm(x, self.n + 2, self.alpha * (self.n + 2), self.beta, self.k)
        ),
        Site(RESPONSE + "/strong"),
    ),
    gate("no activation between its layers", gated(activate=False), Site(GATE)),
    gate("gate added instead of multiplied", gated(scale=lambda x, z: x + torch.sigmoid(z)), Site(GATE)),
    gate(
        "gate by the piecewise linear sigmoid",
        gated(scale=lambda x, z: x * F.hardsigmoid(z)),
        Site(GATE),
        evidence=("hard-sigmoid-swish",),
    ),
    gate("squeezed by the maximum", gated(q=lambda x: x.amax((2, 3), keepdim=True)), Site(GATE)),
    gate(
        "gate cut off from the gradient",
        gated(q=lambda x: x.detach().mean((2, 3), keepdim=True)),
        Site(GATE),
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    depth(
        "one draw for the whole batch",
        dropped(lambda self, x, u: x * (u[:1] < self.keep_prob) / self.keep_prob),
        Site(DEPTH),
        evidence=("attention-dropout-broadcast",),
    ),
    depth("what is kept is not scaled up", dropped(lambda self, x, u: x * (u < self.keep_prob)), Site(DEPTH)),
    depth(
        "active in eval mode",
        lambda forward: lambda self, x: x * (self.uniform(x) < self.keep_prob) / self.keep_prob,
        Site(DEPTH),
        evidence=("dropout-eval-flag",),
    ),
    upsample(
        "corners aligned",
        lambda forward: (
            lambda self, x: F.interpolate(
                x, [n * s for n, s in zip(x.shape[2:], self.scale)], mode="bilinear", align_corners=True
            )
        ),
        Site(UPSAMPLE + "/bilinear"),
        evidence=("resize-align-corners",),
    ),
    upsample(
        "bicubic for bilinear",
        lambda forward: (
            lambda self, x: F.interpolate(x, [n * s for n, s in zip(x.shape[2:], self.scale)], mode="bicubic")
        ),
        Site(UPSAMPLE + "/bilinear"),
        evidence=("resize-bicubic-a",),
    ),
    upsample(
        "tiled instead of repeated",
        lambda forward: lambda self, x: x.repeat(1, 1, *self.scale),
        Site(UPSAMPLE),
        evidence=("repeat-vs-tile",),
    ),
    upsample(
        "nearest by repetition",
        lambda forward: lambda self, x: x.repeat_interleave(self.scale[0], 2).repeat_interleave(self.scale[1], 3),
        Site(UPSAMPLE),
        bites="nothing",
    ),
    rows("torch", "flatten", where=FOLDER + "flatten:Flatten.forward")(
        "channels last",
        lambda forward: lambda self, x: x.permute(0, 2, 3, 1).flatten(1),
        Site(CASE + "flatten.Flatten"),
        Site("nets.conv_net.ConvNet", "flatten"),
        evidence=("flatten-order-dense",),
    ),
    rows("torch", "flatten", where=FOLDER + "flatten:Flatten.forward")(
        "columns before rows",
        lambda forward: lambda self, x: x.transpose(2, 3).flatten(1),
        Site(CASE + "flatten.Flatten"),
        evidence=("reshape-memory-order",),
    ),
    rows("torch", "zero padding", where=FOLDER + "padding:ZeroPad.forward")(
        "width before height",
        lambda forward: lambda self, x: F.pad(x, (*(2 * (self.padding[0],)), *(2 * (self.padding[1],)))),
        Site(CASE + "padding.ZeroPad/height-width"),
        evidence=("pad-axis-order",),
    ),
    rows("torch", "zero padding", where=FOLDER + "padding:ZeroPad.forward")(
        "the edge repeated instead of zeros",
        lambda forward: lambda self, x: F.pad(x, 4 * (self.padding,), mode="replicate"),
        Site(CASE + "padding.ZeroPad"),
        evidence=("pad-mode-names",),
    ),
    rows("torch", "edge filter", where=FOLDER + "filters:detect_edges")(
        "turned by a quarter",
        lambda original: lambda x, kind="vertical": original(x.transpose(2, 3), kind).transpose(2, 3),
        Site(CASE + "filters.detect_edges"),
        Site(CASE + "filters.detect_edges/sobel"),
    ),
    rows("torch", "edge filter", where=FOLDER + "filters:detect_edges")(
        "flipped: dark to light is positive",
        lambda original: lambda x, kind="vertical": -original(x, kind),
        Site(CASE + "filters.detect_edges"),
        evidence=("numpy-convolve-flips-kernel",),
    ),
]
