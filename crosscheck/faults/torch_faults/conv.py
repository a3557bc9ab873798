"""Mistakes in torch_impl/layers/conv.py, true_convolution.py and conv_transpose.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F

from crosscheck.faults.catalogue import Replacement, Site, rows
from crosscheck.faults.torch_faults.numbers import as_tf32, scaled_gradient

CONV, TRUE, TRANSPOSED = (
    "layers.conv.Conv",
    "layers.true_convolution.TrueConvolution",
    "layers.conv_transpose.ConvTranspose",
)
NET = Site("nets.conv_net.ConvNet", "conv2")

conv = rows("torch", "conv", where="torch_impl.layers.conv:Conv.correlate")
padding = rows("torch", "conv padding", where="torch_impl.layers.conv:pads")
transposed = rows("torch", "transposed conv", where="torch_impl.layers.conv_transpose:ConvTranspose.forward")


def second(self: Any) -> bool:
    """Of the convolutions of the small ConvNet the second, and all layers with 5 units."""
    return int(self.out_channels) in (5, 7) and int(self.in_channels) in (3, 5)


def kernel(change: Callable[[Any], Any]) -> Replacement:
    """The layer with a changed kernel."""
    return lambda correlate: lambda self, x, weight: correlate(self, x, change(weight))


def output(change: Callable[[Any, Any], Any]) -> Replacement:
    """The layer with a changed output, change(self, y)."""
    return lambda correlate: lambda self, x, weight: change(self, correlate(self, x, weight))


def without_bias(self: Any, y: Any) -> Any:
    return y - self.bias[:, None, None]


def interleaved(self: Any, y: Any) -> Any:
    """Output channels counted with the group as the fast index."""
    m, c, h, w = y.shape
    return y.view(m, self.groups, c // self.groups, h, w).transpose(1, 2).reshape(m, c, h, w)


def sides(change: Callable[[Any], Any]) -> Replacement:
    """The padding with its ((top, bottom), (left, right)) changed."""
    return lambda pads: lambda *args, **more: change(pads(*args, **more))


def as_tensorflow(pads: Any) -> Any:
    return lambda padding, *more: pads("same_tf" if padding == "same" else padding, *more)


def as_torch(pads: Any) -> Any:
    return lambda padding, *more: pads("same" if padding == "same_tf" else padding, *more)


def reflected(correlate: Any) -> Any:
    """Padding that repeats the image in a mirror."""

    def faulty(self: Any, x: Any, weight: Any) -> Any:
        p = self.padding
        return F.conv2d(F.pad(x, (p, p, p, p), "reflect"), weight, self.bias, self.stride)

    return faulty


def one_pixel_late(correlate: Any) -> Any:
    """A strided 1x1 convolution that keeps the odd pixels."""
    return lambda self, x, weight: F.conv2d(x[:, :, 1::2, 1::2], weight, self.bias)


def holes_in_the_image(correlate: Any) -> Any:
    """Dilation taken for a stride of the image's own pixels: every second one, the filter whole."""

    def faulty(self: Any, x: Any, weight: Any) -> Any:
        return F.interpolate(F.conv2d(x[:, :, ::2, ::2], weight, self.bias), correlate(self, x, weight).shape[2:])

    return faulty


def stamped(weight: Callable[[Any], Any] = lambda weight: weight, last: bool = False) -> Replacement:
    """Transposed convolution with a changed kernel, or with its output padding at the top and left."""

    def faulty(self: Any, x: Any) -> Any:
        full = F.conv_transpose2d(x, weight(self.weight), self.bias, self.stride)
        (p, q), (extra, more) = (self.padding, self.padding), self.output_padding
        top, left = (p - extra, q - more) if last else (p, q)
        bottom, right = (p, q) if last else (p - extra, q - more)
        return full[:, :, top : full.shape[2] - bottom, left : full.shape[3] - right]

    return lambda forward: faulty


FAULTS = [
    conv(
        "kernel flipped",
        kernel(lambda weight: weight.flip(2, 3)),
        Site(CONV),
        NET,
        only=second,
        evidence=("numpy-convolve-flips-kernel",),
    ),
    conv(
        "height and width of the kernel exchanged",
        kernel(lambda weight: weight.transpose(2, 3)),
        Site(CONV),
        NET,
        only=second,
        evidence=("conv-kernel-hw-swap",),
    ),
    conv(
        "input and output channels of the kernel exchanged by a reshape",
        kernel(lambda weight: weight.transpose(0, 1).reshape(weight.shape)),
        Site(CONV),
        NET,
        only=second,
        evidence=("conv-kernel-layout",),
    ),
    conv(
        "kernel of a height-width-in-out file read by a reshape",
        kernel(lambda weight: weight.permute(2, 3, 1, 0).reshape(weight.shape)),
        Site(CONV),
        evidence=("conv-kernel-layout",),
    ),
    conv("bias dropped", output(without_bias), Site(CONV), NET, only=second),
    conv(
        "bias dropped before batch norm",
        output(without_bias),
        Site("nets.vgg.VGG/batch-norm", "features.0"),
        only=lambda self: self.in_channels == 3,
    ),
    conv(
        "dilation ignored",
        lambda correlate: lambda self, x, weight: F.conv2d(x, weight, self.bias, self.stride, padding=1),
        Site(CONV + "/same-dilation"),
    ),
    conv(
        "groups interleaved",
        output(interleaved),
        Site(CONV + "/groups"),
        Site(CONV + "/multiplier"),
        evidence=("conv-grouped-layout",),
    ),
    conv(
        "groups in the order of another",
        kernel(lambda weight: weight.roll(weight.shape[0] // 2, 0)),
        Site(CONV + "/groups"),
        evidence=("conv-grouped-layout",),
    ),
    conv("dilation taken for a stride of the image", holes_in_the_image, Site(CONV + "/dilation")),
    conv("a strided 1x1 convolution keeps the odd pixels", one_pixel_late, Site(CONV + "/pointwise-stride")),
    conv("padded by reflection", reflected, Site(CONV + "/padding"), evidence=("pad-mode-names",)),
    conv(
        "input cut off from the gradient",
        lambda correlate: lambda self, x, weight: correlate(self, x.detach(), weight),
        Site(CONV),
        NET,
        only=second,
        bites="gradient",
        evidence=("detach-becomes-differentiated",),
    ),
    conv(
        "kernel gradient averaged over the examples",
        lambda correlate: lambda self, x, weight: correlate(self, x, scaled_gradient(weight, 1 / len(x))),
        Site(CONV),
        NET,
        only=second,
        bites="gradient",
    ),
    conv(
        "operands rounded to TF32",
        lambda correlate: lambda self, x, weight: correlate(self, as_tf32(x), as_tf32(weight)),
        Site(CONV),
        NET,
        only=second,
        bites="precision",
        evidence=("matmul-f32-precision-cpu",),
    ),
    conv(
        "as a product of patches",
        lambda correlate: (
            lambda self, x, weight: (
                (weight.flatten(1) @ F.unfold(x, self.kernel_size)).unflatten(2, (x.shape[2] - 2, x.shape[3] - 2))
                + self.bias[:, None, None]
            )
        ),
        Site(CONV),
        bites="nothing",
        evidence=("unfold-patch-order",),
    ),
    padding(
        "'same' at stride 2 as in TensorFlow",
        as_tensorflow,
        Site(CONV + "/same-stride"),
        evidence=("conv-same-stride2",),
    ),
    padding(
        "TensorFlow's 'same' as in PyTorch", as_torch, Site(CONV + "/same-tf-stride"), evidence=("conv-same-stride2",)
    ),
    padding(
        "height and width exchanged",
        sides(lambda pairs: pairs[::-1]),
        Site(CONV + "/rows-and-columns"),
        evidence=("pad-axis-order",),
    ),
    padding(
        "top and bottom exchanged",
        sides(lambda pairs: tuple(pair[::-1] for pair in pairs)),
        Site(CONV + "/four-sides"),
        Site(CONV + "/same-tf-stride"),
        evidence=("conv-same-stride2",),
    ),
    padding("none", sides(lambda pairs: ((0, 0), (0, 0))), Site(CONV + "/padding"), evidence=("conv-default-padding",)),
    rows("torch", "true convolution", where="torch_impl.layers.true_convolution:TrueConvolution.forward")(
        "kernel not flipped",
        lambda forward: lambda self, x: self.correlate(x, self.weight),
        Site(TRUE),
        evidence=("numpy-convolve-flips-kernel",),
    ),
    rows("torch", "true convolution", where="torch_impl.layers.true_convolution:TrueConvolution.forward")(
        "kernel flipped top to bottom only",
        lambda forward: lambda self, x: self.correlate(x, self.weight.flip(2)),
        Site(TRUE),
        Site(TRUE + "/everything"),
        evidence=("numpy-convolve-flips-kernel",),
    ),
    transposed(
        "kernel flipped",
        stamped(lambda weight: weight.flip(2, 3)),
        Site(TRANSPOSED + "/padding"),
        Site(TRANSPOSED + "/notes"),
        evidence=("convtranspose-kernel-flip",),
    ),
    transposed(
        "output padding at the top and left",
        stamped(last=True),
        Site(TRANSPOSED + "/notes"),
        evidence=("convtranspose-padding-meaning",),
    ),
    transposed(
        "a nearest upsampling followed by a 1x1 convolution",
        lambda forward: (
            lambda self, x: F.conv2d(
                F.interpolate(x, scale_factor=2.0), self.weight.mean((2, 3), keepdim=True).transpose(0, 1), self.bias
            )
        ),
        Site(TRANSPOSED + "/side-by-side"),
    ),
    transposed("cut out of the full output", stamped(), Site(TRANSPOSED + "/notes"), bites="nothing"),
]
