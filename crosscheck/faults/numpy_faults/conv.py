"""Mistakes in the reference's convolutional layers, most of them in the backward passes that were derived by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from crosscheck.faults.catalogue import Replacement, Site, rows

CASE, FOLDER = "layers.", "reference.layers."
CONV = CASE + "conv.Conv"
NET = Site("nets.conv_net.ConvNet", "conv2")

conv = rows("numpy", "conv", where=FOLDER + "conv:Conv.forward", bites="gradient")
largest = rows("numpy", "max pool", where=FOLDER + "pooling:MaxPool.forward", bites="gradient")
average = rows("numpy", "average pool", where=FOLDER + "pooling:AveragePool.forward", bites="gradient")


def second(self: Any) -> bool:
    """Of the convolutions of the small ConvNet the second, and all layers with 5 units."""
    return int(self.c) in (5, 7) and int(self.c_prev) in (3, 5)


def backward(change: Callable[..., Any]) -> Replacement:
    """A layer with another backward pass: change(dp, dX, dZ, self, p) of what the sound one gives."""

    def replacement(forward: Any) -> Any:
        def faulty(self: Any, p: Any, X: Any) -> Any:
            Z, back = forward(self, p, X)
            return Z, lambda dZ: change(*back(dZ), dZ, self, p)

        return faulty

    return replacement


def with_kernel(change: Callable[[Any], Any], backwards: bool = False) -> Replacement:
    """A convolution by a changed kernel, in the forward pass or in what it sends back to its input."""

    def replacement(forward: Any) -> Any:
        def faulty(self: Any, p: Any, X: Any) -> Any:
            Z, back = forward(self, p, X)
            Z_changed, back_changed = forward(self, {**p, "W": change(p["W"])}, X)
            if backwards:
                return Z, lambda dZ: (back(dZ)[0], back_changed(dZ)[1])
            return Z_changed, back_changed

        return faulty

    return replacement


FAULTS = [
    conv(
        "kernel flipped",
        with_kernel(lambda W: W[::-1, ::-1]),
        Site(CONV),
        NET,
        only=second,
        bites="forward",
        evidence=("numpy-convolve-flips-kernel",),
    ),
    conv(
        "dA_prev by a kernel that is not turned",
        with_kernel(lambda W: W[::-1, ::-1], backwards=True),
        Site(CONV),
        NET,
        only=second,
        evidence=("numpy-convolve-flips-kernel",),
    ),
    conv(
        "dA_prev by a kernel whose height and width are exchanged",
        with_kernel(lambda W: W.transpose(1, 0, 2, 3), backwards=True),
        Site(CONV),
        evidence=("conv-kernel-hw-swap",),
    ),
    conv(
        "dW turned",
        backward(lambda dp, dX, dZ, self, p: (dp | {"W": dp["W"][::-1, ::-1]}, dX)),
        Site(CONV),
        NET,
        only=second,
    ),
    conv(
        "db averaged over the pixels",
        backward(lambda dp, dX, dZ, self, p: (dp | {"b": dp["b"] / dZ[0, :, :, 0].size}, dX)),
        Site(CONV),
        NET,
        only=second,
    ),
    conv(
        "dA_prev shifted by a pixel, as when the padding is cut off at the wrong side",
        backward(lambda dp, dX, dZ, self, p: (dp, np.concatenate([dX[:, 1:], dX[:, :1]], axis=1))),
        Site(CONV + "/padding"),
    ),
    largest(
        "gradient one pixel beside the maximum",
        backward(lambda dp, dX, dZ, self, p: (dp, np.concatenate([dX[:, :, :1], dX[:, :, :-1]], axis=2))),
        Site(CASE + "pooling.MaxPool"),
    ),
    average(
        "gradient not divided by the size of the window",
        backward(lambda dp, dX, dZ, self, p: (dp, dX * 4)),
        Site(CASE + "pooling.AveragePool"),
    ),
    rows("numpy", "global pool", where=FOLDER + "pooling:GlobalAveragePool.forward", bites="gradient")(
        "gradient divided by the height alone",
        backward(lambda dp, dX, dZ, self, p: (dp, dX * dX.shape[2])),
        Site(CASE + "pooling.GlobalAveragePool"),
    ),
    rows("numpy", "transposed conv", where=FOLDER + "conv_transpose:ConvTranspose.forward", bites="gradient")(
        "dW with its channels exchanged by a reshape",
        backward(lambda dp, dX, dZ, self, p: (dp | {"W": dp["W"].transpose(0, 1, 3, 2).reshape(dp["W"].shape)}, dX)),
        Site(CASE + "conv_transpose.ConvTranspose"),
        evidence=("conv-kernel-layout",),
    ),
    rows("numpy", "local response norm", where=FOLDER + "local_response_norm:LocalResponseNorm.forward")(
        "dX without what the neighbours send back",
        backward(lambda dp, dX, dZ, self, p: (dp, dZ * self.k**-self.beta)),
        Site(CASE + "local_response_norm.LocalResponseNorm/strong"),
        bites="gradient",
    ),
    rows("numpy", "upsampling", where=FOLDER + "upsampling:Upsample.forward", bites="gradient")(
        "gradient of the first copy of each pixel only",
        backward(lambda dp, dX, dZ, self, p: (dp, dZ[:, :: self.scale, :: self.scale])),
        Site(CASE + "upsampling.Upsample"),
    ),
    rows("numpy", "zero padding", where=FOLDER + "padding:ZeroPad.forward", bites="gradient")(
        "gradient cut out at the corner",
        backward(lambda dp, dX, dZ, self, p: (dp, dZ[:, : dX.shape[1], : dX.shape[2]])),
        Site(CASE + "padding.ZeroPad"),
    ),
    rows("numpy", "flatten", where=FOLDER + "flatten:Flatten.forward", bites="gradient")(
        "gradient put back with channels first",
        backward(
            lambda dp, dX, dZ, self, p: (
                dp,
                dZ.T.reshape(len(dX), dX.shape[3], *dX.shape[1:3]).transpose(0, 2, 3, 1),
            )
        ),
        Site(CASE + "flatten.Flatten"),
        Site("nets.conv_net.ConvNet", "flatten"),
        evidence=("flatten-order-dense",),
    ),
]
