"""What windows see, as lines: one tap (u, v) of all windows in a row, one after the other, channel by channel.

    V[m, i, u, v, (j k)] = X[m, s i + d u - top, s j + d v - left, k], 0 outside the image

A chunk of the images is copied, with the zeros around it, into memory that the next chunk takes over. At stride 1
across, the lines of a row overlap in one copy of it, which several kinds of windows may look at; else each v has a copy
of its own, of the pixels that it meets.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided

from reference.kernels.blocks import overlap


@dataclass(frozen=True)
class Windows:
    """So many in a row, of f taps that are `steps` apart, the first at pixel (-top, -left)."""

    width: int
    f: tuple[int, int]
    steps: tuple[int, int]
    corner: tuple[int, int]

    def values(self, stride):
        """About how many pixels are copied for each of them."""
        return stride[0] * (1 if stride[1] == 1 else self.f[1])


class Lines:
    """What windows see of images X in given chunks (images, rows of windows): several kinds of them, or one if the
    stride across is not 1."""

    def __init__(self, X, kinds, stride, chunks):
        images, rows = (max(part.stop - part.start for part in parts) for parts in zip(*chunks))
        self.X, self.stride, self.around = X, stride, None
        self.top, left = map(max, zip(*(kind.corner for kind in kinds)))
        if stride[1] == 1:
            firsts, width = [-left], left + max(reach(kind.width, 1, kind, 1) for kind in kinds)
        else:
            (kind,) = kinds
            firsts, width = [kind.steps[1] * v - left for v in range(kind.f[1])], kind.width
        self.copies = [divmod(first, stride[1]) for first in firsts]
        height = self.top + max(reach(rows, stride[0], kind, 0) for kind in kinds)
        self.memory = np.empty((images, height, len(firsts), width, X.shape[3]), X.dtype)
        self.views = [self.view(kind, rows, left) for kind in kinds]

    def view(self, kind, rows, left):
        (top, kind_left), (d, d_across) = kind.corner, kind.steps
        images, *_, channels = self.memory.shape
        first = self.memory[:, self.top - top :, :, left - kind_left :]
        by_image, by_row, by_copy, by_pixel, by_channel = first.strides
        taps = by_row * d, by_pixel * d_across if self.stride[1] == 1 else by_copy
        shape = (images, rows, *kind.f, kind.width * channels)
        return as_strided(first, shape, (by_image, by_row * self.stride[0], *taps, by_channel))

    def of(self, images, rows):
        """Each kind's V for a chunk, until the next call."""
        X, above, (_, height, _, width, _) = self.X[images], self.stride[0] * rows.start - self.top, self.memory.shape
        down = overlap(-above, height, X.shape[1])
        new, self.around = self.around != rows, rows
        if new:
            self.memory[:, : down.start] = self.memory[:, down.stop :] = 0
        for i, (skipped, first) in enumerate(self.copies):
            pixels, copy = X[:, moved(down, above), first :: self.stride[1]], self.memory[:, down, i]
            across = overlap(-skipped, width, pixels.shape[2])
            if new:
                copy[:, :, : across.start] = copy[:, :, across.stop :] = 0
            copy[: len(X), :, across] = pixels[:, :, moved(across, skipped)]
        return [V[: len(X), : rows.stop - rows.start] for V in self.views]


def reach(count, stride, kind, axis):
    """The pixel before which so many windows end."""
    return (count - 1) * stride + (kind.f[axis] - 1) * kind.steps[axis] + 1 - kind.corner[axis]


def moved(part, by):
    return slice(part.start + by, part.stop + by)
