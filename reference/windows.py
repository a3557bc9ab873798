"""Sliding windows over images [m h w c], and their adjoint: what a filter or a pool sees, and how gradients go home.

    windows   every window as a view [m h_out w_out c fh fw]:  V[m, i, j, c, u, v] = X[m, s i + d u, s j + d v, c]
    spread    s - 1 zeros between neighbours: undoes a stride's spacing
    fold      the adjoint of windows (d = 1): a pixel sums what every window that it was in says about it

f, stride, dilation and size are pairs, height first.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def windows(X, f, stride=(1, 1), dilation=(1, 1)):
    reach = tuple((n - 1) * d + 1 for n, d in zip(f, dilation))
    V = sliding_window_view(X, reach, axis=(1, 2))
    return V[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]


def spread(D, stride):
    m, h, w, c = D.shape
    gaps = ((0, 0), (0, 0), (0, stride[0] - 1), (0, 0), (0, stride[1] - 1), (0, 0))
    wide = np.pad(D[:, :, None, :, None], gaps).reshape(m, h * stride[0], w * stride[1], c)
    return wide[:, : (h - 1) * stride[0] + 1, : (w - 1) * stride[1] + 1]


def fold(D, size, stride):
    """D [m h_out w_out c fh fw] -> [m h w c], where (h, w) = size."""
    taps = [at(spread(D[..., u, v], stride), (u, v), size) for u, v in np.ndindex(*D.shape[4:])]
    return np.stack(taps).sum(axis=0)


def at(D, corner, size):
    """D [m h w c] with its first pixel at `corner` of an image of zeros that is (h, w) = size."""
    rest = [n - start - length for n, start, length in zip(size, corner, D.shape[1:3])]
    return np.pad(D, ((0, 0), *zip(corner, rest), (0, 0)))
