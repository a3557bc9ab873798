"""Mistakes in the reference's fast kernels alone: its definitions, which say what is right, are sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from crosscheck.faults.catalogue import Replacement, Site, rows

CASE, FOLDER = "layers.", "reference.layers."
CONV, NET = CASE + "conv.Conv", "nets.conv_net.ConvNet"

conv = rows("numpy", "fast conv", where=FOLDER + "conv:fast_conv2d", bites="gradient")
pool = rows("numpy", "fast pool", bites="gradient")
norm = rows("numpy", "fast batch norm", where=FOLDER + "batch_norm_2d:fast_batch_norm")
row = rows("numpy", "fast kernel", bites="gradient")


def outputs(change: Callable[..., Any]) -> Replacement:
    """A kernel of other outputs: change(*outputs)."""

    def replacement(kernel: Any) -> Any:
        def faulty(*args: Any) -> Any:
            *sound, back = kernel(*args)
            return *change(*sound), back

        return faulty

    return replacement


def pullback(change: Callable[..., Any]) -> Replacement:
    """A kernel with another pullback: change(back, dY, *options)."""

    def replacement(kernel: Any) -> Any:
        def faulty(*args: Any) -> Any:
            *sound, back = kernel(*args)
            return *sound, lambda *given: change(back, *given)

        return faulty

    return replacement


def by_filters(change: Callable[[Any], Any]) -> Replacement:
    """A convolution whose gradient by its input is made by changed filters."""

    def replacement(kernel: Any) -> Any:
        def faulty(X: Any, W: Any, *geometry: Any) -> Any:
            (Z, back), (_, other) = kernel(X, W, *geometry), kernel(X, np.ascontiguousarray(change(W)), *geometry)
            return Z, lambda *given: (other(*given)[0], back(*given)[1])

        return faulty

    return replacement


def all_but_last(Y: Any) -> Any:
    """As when a chunk of images is left out."""
    return np.concatenate([Y[:-1], np.zeros_like(Y[-1:])])


def dW_of_all_but_last(back: Any, dZ: Any, *options: Any) -> Any:
    return back(dZ, *options)[0], back(all_but_last(dZ), *options)[1]


FAULTS = [
    conv(
        "the last image not made",
        outputs(lambda Z: (all_but_last(Z),)),
        *(Site(CONV), Site(CONV + "/depthwise"), Site(NET, "conv1")),
        bites="forward",
    ),
    conv(
        "dA_prev by filters that are not turned",
        by_filters(lambda W: W[::-1, ::-1]),
        *(Site(CONV), Site(CONV + "/stride"), Site(CONV + "/depthwise")),
    ),
    conv(
        "dW without the last image",
        pullback(dW_of_all_but_last),
        *(Site(CONV), Site(CONV + "/depthwise")),
    ),
    pool(
        "the largest pixels' gradient upside down",
        pullback(lambda back, dA: back(dA[:, ::-1])),
        Site(CASE + "pooling.MaxPool"),
        Site("nets.lenet.LeNet5/modern", "pool1"),
        where=FOLDER + "pooling:fast_max_pool",
    ),
    pool(
        "a mean's gradient without the last image",
        pullback(lambda back, dA: back(all_but_last(dA))),
        Site(CASE + "pooling.AveragePool"),
        Site("nets.lenet.LeNet5", "pool1"),
        where=FOLDER + "pooling:fast_average_pool",
    ),
    norm(
        "dgamma from the square of what is centered",
        lambda product_sums: lambda X, Y: product_sums(Y, Y),
        *(Site(CASE + "batch_norm_2d.BatchNorm2d"), Site("nets.vgg.VGG/batch-norm", "features.1")),
        where="reference.kernels.batch_norm:product_sums",
        bites="gradient",
    ),
    norm(
        "unbiased running variance",
        outputs(lambda Y, mu, sigma2: (Y, mu, sigma2 * (count := Y[..., 0].size) / (count - 1))),
        Site(CASE + "batch_norm_2d.BatchNorm2d"),
        bites="state",
    ),
    row(
        "relu's derivative is 1 everywhere",
        pullback(lambda back, dA: dA),
        Site(NET),
        where=FOLDER + "activations:fast_relu",
    ),
    row(
        "cross-entropy's gradient of the sum over examples",
        pullback(lambda back, dJ: back(dJ) * back(dJ).shape[1]),
        Site(CASE + "losses.softmax_cross_entropy_from_logits"),
        where=FOLDER + "losses:fast_softmax_cross_entropy",
    ),
    row(
        "right, and the definition's dW without the last image",
        lambda filter_gradient: lambda X, dZ, *geometry: filter_gradient(X, all_but_last(dZ), *geometry),
        *(Site(CONV), Site(CONV + "/stride")),
        where=FOLDER + "conv:filter_gradient",
    ),
    row(
        "none is taken",
        lambda suit: lambda *arrays: False,
        *(Site(CONV), Site(CASE + "batch_norm_2d.BatchNorm2d"), Site(NET)),
        where="reference.kernels:suit",
        bites="nothing",
    ),
]
