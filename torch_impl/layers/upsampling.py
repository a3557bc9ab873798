"""Upsampling by a whole factor: `F.interpolate`, bilinear with half-pixel centres (align_corners=False)."""

import torch.nn.functional as F
from torch import nn

from torch_impl.checks import floats, one_of, sizes
from torch_impl.layers.padding import pair


class Upsample(nn.Module):
    def __init__(self, scale: int | tuple[int, int], kind: str = "nearest"):
        super().__init__()
        sizes(scale=scale)
        one_of("kind", kind, ("nearest", "bilinear"))
        self.scale, self.kind = pair(scale), kind

    def forward(self, x):
        floats(x)
        size = [n * scale for n, scale in zip(x.shape[2:], self.scale)]
        if self.kind == "nearest":
            return F.interpolate(x, size, mode="nearest")
        return F.interpolate(x, size, mode="bilinear", align_corners=False, antialias=False)
