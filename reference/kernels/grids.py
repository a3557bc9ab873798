"""Which pixels meet which taps: the input gradient of a strided convolution, cut into convolutions at stride 1.

Pixel x of an axis meets tap u in output (x + before - d u)/s, if that is whole. The pixels for which the same taps come
into question form a grid, every s-th pixel; on it the taps are every (s / gcd(s, d))-th, and neighbors among them meet
outputs that are d / gcd(s, d) apart. So the gradient on one grid is a correlation of dZ at stride 1 with those taps in
reverse, and over all grids no product with a zero is computed.
"""

from math import gcd

import numpy as np

from reference.kernels.blocks import pad, place


def grids(shape, f, stride, padding, dilation):
    """For each grid of images [m h w c]: its pixels and its taps as pairs of slices, the window of dZ that it sees as
    (top, left, height, width), and the steps between taps there."""
    befores = (before for before, _ in padding)
    down, across = (list(along(*axis)) for axis in zip(shape[1:3], f, stride, dilation, befores))
    for rows, row_taps, top, height, row_step in down:
        for cols, col_taps, left, width, col_step in across:
            yield (slice(None), rows, cols), (row_taps, col_taps), (top, left, height, width), (row_step, col_step)


def blank(shape, dtype, stride, parts):
    """Images that the parts, one for each grid, fill: 0 where a pixel is on none of them, for no window sees it."""
    return (np.empty if len(parts) == stride[0] * stride[1] else np.zeros)(shape, dtype)


def seen(dZ, parts):
    """The parts' windows of dZ: views of one copy with zeros around it as far as any of them reaches."""
    found = [window for _, _, window, _ in parts]
    if not found:
        return []
    top, left = (max(window[i] for window in found) for i in (0, 1))
    bottom, right = (max(window[i + 2] - window[i] for window in found) - dZ.shape[i + 1] for i in (0, 1))
    dZ = pad(dZ, ((top, bottom), (left, right)))
    return [place(dZ, t - top, l - left, h, w) for t, l, h, w in found]


def along(size, f, s, d, before):
    """Along one axis: pixels, taps, how far before dZ the first window begins, how much of dZ they span, tap step."""
    period, step = s // gcd(s, d), d // gcd(s, d)
    for u in range(min(period, f)):
        first = (d * u - before) % s
        pixels, reach = len(range(first, size, s)), (len(range(u, f, period)) - 1) * step
        if pixels:
            start = (first + before - d * u) // s - reach
            yield slice(first, None, s), slice(u, None, period), -start, pixels + reach, step
