"""Regions of interest [r 5], rows of image number, x1 y1 x2 y2, of maps [m c h w] to [r c f f].

RoIAlign is that of `torchvision.ops.roi_align` with `aligned=True`, written as two matrices of weights; RoI max pooling
that of `torchvision.ops.roi_pool`. Regions are constants. `max`, unlike `amax`, gives all of the gradient to the first
of equals.
"""

import torch

from torch_impl.checks import positive, whole
from torch_impl.detection.checks import regions


def roi_max_pool(x, rois, f, scale=1.0):
    checked(x, rois, f, scale)
    image, (x1, y1, x2, y2) = rois[:, 0].long(), (rois.detach()[:, 1:] * scale).unbind(dim=1)
    rows, columns = bins(y1, y2, f, x.shape[2]), bins(x1, x2, f, x.shape[3])
    across = torch.where(columns[:, None, None], x[image][:, :, :, None], -torch.inf).max(dim=4).values
    y = torch.where(rows[:, None, :, :, None], across[:, :, None], -torch.inf).max(dim=3).values
    return torch.where(y > -torch.inf, y, 0)


def roi_align(x, rois, f, scale=1.0, samples=2):
    checked(x, rois, f, scale)
    whole("samples", samples)
    image, (x1, y1, x2, y2) = rois[:, 0].long(), (rois.detach()[:, 1:] * scale).unbind(dim=1)
    down = interpolation(y1, y2, f, samples, x.shape[2])
    across = interpolation(x1, x2, f, samples, x.shape[3])
    return torch.einsum("rjv,rciv->rcij", across, torch.einsum("riu,rcuv->rciv", down, x[image]))


def bins(near, far, f, n):
    """Which of n pixels are in each bin of the regions from near [r] to far [r]: [r f n]."""
    start = torch.floor(near + 0.5)[:, None]
    length = (torch.floor(far + 0.5)[:, None] - start + 1).clamp(min=1)
    j, v = torch.arange(f, device=near.device), torch.arange(n, device=near.device)
    first, end = start + torch.floor(j * length / f), start + torch.ceil((j + 1) * length / f)
    return (v >= first[..., None]) & (v < end[..., None])


def interpolation(near, far, f, samples, n):
    """The weight of each of n pixels in each bin of the regions from near [r] to far [r]: [r f n]."""
    steps = (torch.arange(f * samples, device=near.device, dtype=near.dtype) + 0.5) / samples
    x = near[:, None] - 0.5 + (far - near)[:, None] / f * steps
    inside = (x >= -1) & (x <= n)
    pixels = torch.arange(n, device=near.device, dtype=near.dtype)
    weight = (1 - (x.clamp(0, n - 1)[..., None] - pixels).abs()).clamp(min=0)
    return torch.where(inside[..., None], weight, 0).view(-1, f, samples, n).mean(dim=2)


def checked(x, rois, f, scale):
    regions("rois", rois, len(x))
    whole("f", f)
    positive("scale", scale)
