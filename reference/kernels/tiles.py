"""Images dealt out by the place of a pixel in its tile, so that what the tiles have in one place is contiguous.

    deal      P[a, b, m, y, x, k] = X[m, q y + a - top, r x + b - left, k], or `outside` beyond the image
    collect   its inverse: the pixels where they came from
    add       its transpose: the same, added to what is there

where (q, r) = step.
"""

import numpy as np


def deal(X, top, left, step, h, w, outside=0):
    """P [a b m y x k] with y < h and x < w."""
    P = np.empty((*step, len(X), h, w, X.shape[3]), X.dtype)
    for place, pixels in places(X, top, left, step, h, w):
        if P[place].shape[1:3] != (h, w):
            P[place[:2]] = outside
        P[place] = X[pixels]
    return P


def collect(P, X, top, left):
    for place, pixels in places(X, top, left, P.shape[:2], *P.shape[3:5]):
        X[pixels] = P[place]


def add(P, X, top, left):
    for place, pixels in places(X, top, left, P.shape[:2], *P.shape[3:5]):
        X[pixels] += P[place]


def places(X, top, left, step, h, w):
    """For each place in a tile, where P has and where X has the pixels of the image there."""
    for a in range(step[0]):
        y, rows = along(X.shape[1], top - a, step[0], h)
        for b in range(step[1]):
            x, cols = along(X.shape[2], left - b, step[1], w)
            yield (a, b, slice(None), y, x), (slice(None), rows, cols)


def along(size, before, step, count):
    """Tile t of `count` has pixel step t - before of `size`, if there is one: slices of tiles and of pixels."""
    first = max(0, -(-before // step))
    last = max(first, min(count, -(-(size + before) // step)))
    return slice(first, last), slice(first * step - before, max(last * step - before, 0), step)
