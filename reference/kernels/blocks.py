"""How images [m h w c] are cut into chunks that stay in the cache, and windows of them that reach over the edge."""

import numpy as np


def blocks(images, h, w, size):
    """Slices (images, rows) that cover a range of images of h x w positions, each of about `size` positions: several
    whole images, or some rows of one."""
    step, row_step = max(1, size // (h * w)), max(1, min(h, size // w))
    step, row_step = (evenly(length, part) for length, part in ((len(images), step), (h, row_step)))
    return [
        (slice(i, min(i + step, images.stop)), slice(j, min(j + row_step, h)))
        for i in range(images.start, images.stop, step)
        for j in range(0, h, row_step)
    ]


def evenly(length, part):
    """The least size of parts of a length that leaves no more of them."""
    return -(-length // -(-length // part))


def place(X, top, left, h, w, outside=0):
    """h x w pixels of each image from (-top, -left) on, `outside` where there is no image; a view if all is image."""
    rows, cols = overlap(top, h, X.shape[1]), overlap(left, w, X.shape[2])
    inside = X[:, rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]
    if inside.shape[1:3] == (h, w):
        return inside
    Y = np.empty((X.shape[0], h, w, X.shape[3]), X.dtype)
    Y[:, : rows.start] = Y[:, rows.stop :] = outside
    Y[:, rows, : cols.start] = Y[:, rows, cols.stop :] = outside
    Y[:, rows, cols] = inside
    return Y


def add_at(X, Y, top, left):
    """Adds the images Y to X, their first pixel at (top, left); what does not fall on X is dropped."""
    rows, cols = overlap(top, X.shape[1], Y.shape[1]), overlap(left, X.shape[2], Y.shape[2])
    X[:, rows, cols] += Y[:, rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]


def overlap(start, length, size):
    """Which of `length` places hold one of `size` pixels, the first of which would be at `start`."""
    first = min(max(start, 0), length)
    return slice(first, max(min(start + size, length), first))


def pad(X, padding):
    (top, bottom), (left, right) = padding
    return place(X, top, left, X.shape[1] + top + bottom, X.shape[2] + left + right)


def unpad(X, padding):
    return pad(X, [(-before, -after) for before, after in padding])
