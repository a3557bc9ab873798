"""U-Net: an image goes down a ladder of convolutions and pools and comes up again, to a class for every pixel.

    DoubleConv   twice (conv 3x3 [-> batch norm] -> relu)
    Level        A = encoder(X)   Y = decoder([A, up(inner level(pool(A)))])        the innermost level: Y = encoder(X)
    UNet         Level, then a 1x1 convolution to the logits [m h w num_classes]
    pixel_cost   the mean over all pixels of -log softmax(Z) at the pixel's class, Y one-hot [m h w num_classes]

`channels` are those of the levels, the outermost first; as published, each has twice those of the level above it. What
comes up from below knows what is in the image, A still knows exactly where. `pool` is 2x2 max, `up` a 2x2 transposed
convolution of stride 2. The convolutions are padded, so that A and what comes up have one size as long as the halved
sizes are even; the paper's were not padded, and it cropped A.
Sources: Course 4, week 3, "U-Net architecture"; Ronneberger, Fischer & Brox 2015.
"""

from dataclasses import dataclass
from functools import cached_property

from reference.checks import images
from reference.combinators import Concatenate
from reference.layers.activations import linear, relu
from reference.layers.batch_norm_2d import BatchNorm2d
from reference.layers.conv import Conv
from reference.layers.conv_transpose import ConvTranspose
from reference.layers.losses import softmax_cross_entropy_from_logits
from reference.layers.pooling import MaxPool
from reference.module import Chain, Sequence


@dataclass(frozen=True)
class DoubleConv(Chain):
    c_prev: int
    c: int
    batch_norm: bool = False

    @cached_property
    def parts(self):
        parts = {}
        for i, c_prev in (("1", self.c_prev), ("2", self.c)):
            parts[f"conv{i}"] = Conv(c_prev, self.c, 3, padding=1, bias=not self.batch_norm)
            if self.batch_norm:
                parts[f"bn{i}"] = BatchNorm2d(self.c)
            parts[f"relu{i}"] = relu
        return parts


@dataclass(frozen=True)
class Skip(Concatenate):
    """[A, up(inner level(pool(A)))]"""

    channels: tuple[int, ...]
    batch_norm: bool = False

    @cached_property
    def parts(self):
        c, c_below, *_ = self.channels
        inner = Level(c, self.channels[1:], self.batch_norm)
        return {"across": linear, "below": Sequence(MaxPool(2), inner, ConvTranspose(c_below, c, 2, stride=2))}


@dataclass(frozen=True)
class Level(Chain):
    c_prev: int
    channels: tuple[int, ...]
    batch_norm: bool = False

    @cached_property
    def parts(self):
        c = self.channels[0]
        parts = {"encoder": DoubleConv(self.c_prev, c, self.batch_norm)}
        if len(self.channels) > 1:
            parts["skip"] = Skip(self.channels, self.batch_norm)
            parts["decoder"] = DoubleConv(2 * c, c, self.batch_norm)
        return parts


@dataclass(frozen=True)
class UNet(Chain):
    num_classes: int = 2
    c_prev: int = 3
    channels: tuple[int, ...] = (64, 128, 256, 512, 1024)
    batch_norm: bool = False

    def __post_init__(self):
        if not self.channels:
            raise ValueError(f"channels is {self.channels}; expected those of at least one level")

    @property
    def stride(self):
        return 2 ** (len(self.channels) - 1)

    @cached_property
    def parts(self):
        return {
            "level": Level(self.c_prev, self.channels, self.batch_norm),
            "head": Conv(self.channels[0], self.num_classes, 1),
        }

    def apply(self, p, s, X, *, mode):
        images("X", X, self.c_prev)
        if any(n % self.stride for n in X.shape[1:3]):
            raise ValueError(f"X has shape {X.shape}; expected a height and width divisible by {self.stride}")
        return super().apply(p, s, X, mode=mode)


def pixel_cost(Z, Y):
    J, back_cost = softmax_cross_entropy_from_logits(*(image.reshape(-1, image.shape[3]).T for image in (Z, Y)))

    def back(dJ):
        return back_cost(dJ).T.reshape(Z.shape)

    return J, back
