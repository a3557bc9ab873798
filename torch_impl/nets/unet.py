"""U-Net, returning a logit for every class and pixel: a level of convolutions has the next smaller one inside it."""

import torch
from torch import nn

from torch_impl.checks import images
from torch_impl.layers.batch_norm_2d import BatchNorm2d
from torch_impl.layers.conv import Conv
from torch_impl.layers.conv_transpose import ConvTranspose
from torch_impl.layers.losses import softmax_cross_entropy_from_logits
from torch_impl.layers.pooling import MaxPool


class DoubleConv(nn.Module):
    def __init__(self, c_prev: int, c: int, batch_norm: bool = False):
        super().__init__()
        self.conv1 = Conv(c_prev, c, 3, padding=1, bias=not batch_norm)
        self.bn1 = BatchNorm2d(c) if batch_norm else nn.Sequential()
        self.conv2 = Conv(c, c, 3, padding=1, bias=not batch_norm)
        self.bn2 = BatchNorm2d(c) if batch_norm else nn.Sequential()

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)))


class Skip(nn.Module):
    def __init__(self, channels: tuple[int, ...], batch_norm: bool = False):
        super().__init__()
        c, c_below, *_ = channels
        inner = Level(c, channels[1:], batch_norm)
        self.below = nn.Sequential(MaxPool(2), inner, ConvTranspose(c_below, c, 2, stride=2))

    def forward(self, x):
        return torch.cat([x, self.below(x)], dim=1)


class Level(nn.Module):
    def __init__(self, c_prev: int, channels: tuple[int, ...], batch_norm: bool = False):
        super().__init__()
        c = channels[0]
        self.encoder = DoubleConv(c_prev, c, batch_norm)
        self.innermost = len(channels) == 1
        if not self.innermost:
            self.skip = Skip(channels, batch_norm)
            self.decoder = DoubleConv(2 * c, c, batch_norm)

    def forward(self, x):
        x = self.encoder(x)
        return x if self.innermost else self.decoder(self.skip(x))


class UNet(nn.Module):
    def __init__(
        self,
        num_classes: int = 2,
        c_prev: int = 3,
        channels: tuple[int, ...] = (64, 128, 256, 512, 1024),
        batch_norm: bool = False,
    ):
        super().__init__()
        if not channels:
            raise ValueError(f"channels is {channels}; expected those of at least one level")
        self.c_prev, self.stride = c_prev, 2 ** (len(channels) - 1)
        self.level = Level(c_prev, channels, batch_norm)
        self.head = Conv(channels[0], num_classes, 1)

    def forward(self, x):
        images(x, self.c_prev)
        if any(n % self.stride for n in x.shape[2:]):
            raise ValueError(f"x has shape {tuple(x.shape)}; expected a height and width divisible by {self.stride}")
        return self.head(self.level(x))


def pixel_cost(z, y):
    return softmax_cross_entropy_from_logits(*(image.movedim(1, 3).flatten(0, 2) for image in (z, y)))
