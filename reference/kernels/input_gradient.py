"""dX of a convolution, three ways, each the best somewhere.

    gather   The correlation of dZ with W turned by 180 degrees and its channels swapped, at a stride one for each grid
             of pixels (grids.py).
    scatter  dP[u, v] = dZ W[u, v]^T, what a tap sends, is added to the pixels that it meets. For many channels and few
             positions, where swapping the channels of W costs more than the product. Workers share the channels.
    planes   dP^T = W dZ^T, each row of which, what one tap sends, is added to planes dQ[a, b, k, m, y, x] =
             dX_pad[m, s y + a, s x + b, k]; tap (u, v) goes to (a, b) = (d u mod s, d v mod s). For few channels, where
             a row of a window in [m h w c] is too short.

Which one is decided by size; the figures are from measurements.
"""

from math import prod

import numpy as np

from reference.kernels.blocks import blocks, pad, place, unpad
from reference.kernels.correlate import correlate
from reference.kernels.grids import blank, grids, seen
from reference.kernels.threads import share, span

CHUNK_ROWS = 1024


def input_gradient(dZ, W, shape, stride, padding, dilation):
    return best(dZ.shape, shape)(dZ, W, shape, stride, padding, dilation)


def best(dZ_shape, shape):
    if shape[3] <= 4:
        return planes
    return scatter if prod(dZ_shape) < 4 * dZ_shape[3] ** 2 else gather


def gather(dZ, W, shape, stride, padding, dilation):
    parts = list(grids(shape, W.shape, stride, padding, dilation))
    dX = blank(shape, dZ.dtype, stride, parts)
    for (pixels, taps, _, steps), window in zip(parts, seen(dZ, parts)):
        turned = np.ascontiguousarray(W[taps][::-1, ::-1].transpose(0, 1, 3, 2))
        correlate(window, turned, (1, 1), steps, out=dX[pixels])
    return dX


def scatter(dZ, W, shape, stride, padding, dilation):
    m, h, w, n = dZ.shape
    dX_pad = np.zeros_like(pad(np.empty(shape, dZ.dtype), padding))

    def work(part):
        channels = span(part)
        for u, v in np.ndindex(*W.shape[:2]):
            dP = dZ.reshape(-1, n) @ W[u, v, channels].T
            dX_pad[:, reach(u, h, 0), reach(v, w, 1), channels] += dP.reshape(m, h, w, -1)

    def reach(tap, count, axis):
        """The pixels that a tap meets."""
        first, s = tap * dilation[axis], stride[axis]
        return slice(first, first + (count - 1) * s + 1, s)

    share(work, range(shape[3]))
    return np.ascontiguousarray(unpad(dX_pad, padding))


def planes(dZ, W, shape, stride, padding, dilation):
    (sh, sw), (m, h, w, n), c = stride, dZ.shape, shape[3]
    height, width = (-(-(size + sum(side)) // s) for size, side, s in zip(shape[1:3], padding, stride))
    dQ = np.zeros((sh, sw, c, m, height, width), dZ.dtype)

    def work(part):
        for images, rows in blocks(part, h, w, CHUNK_ROWS):
            dZ_chunk = dZ[images, rows]
            dP = (W.reshape(-1, n) @ dZ_chunk.reshape(-1, n).T).reshape(*W.shape[:3], *dZ_chunk.shape[:3])
            for u, v in np.ndindex(*W.shape[:2]):
                (down, a), (right, b) = divmod(dilation[0] * u, sh), divmod(dilation[1] * v, sw)
                dQ[a, b, :, images, rows.start + down : rows.stop + down, right : right + w] += dP[u, v]

    share(work, range(m))  # windows of one image overlap, so it is one worker's
    dX_pad = dQ.transpose(3, 4, 0, 5, 1, 2).reshape(m, height * sh, width * sw, c)
    return np.ascontiguousarray(place(dX_pad, -padding[0][0], -padding[1][0], *shape[1:3]))
