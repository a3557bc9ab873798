"""Edge detectors that nobody trained: 3x3 filters of the notes, applied to every channel of an image by itself.

    Y[m, i, j, c] = sum_{u, v} F[u, v] X[m, i + u, j + v, c]             dX: every pixel gathers F[u, v] dY
    X [m h w c] -> Y [m h-2 w-2 c]

"vertical" finds vertical edges, bright on the left giving a positive answer; Sobel and Scharr weigh the middle row
more. Photographs may be of integers, such as bytes: the answer is of floats.
Source: Course 4, week 1, "Edge detection".
"""

import numpy as np

from reference.checks import images, one_of
from reference.windows import at

FILTERS = {
    "vertical": ((1, 0, -1), (1, 0, -1), (1, 0, -1)),
    "horizontal": ((1, 1, 1), (0, 0, 0), (-1, -1, -1)),
    "sobel": ((1, 0, -1), (2, 0, -2), (1, 0, -1)),
    "scharr": ((3, 0, -3), (10, 0, -10), (3, 0, -3)),
}


def detect_edges(X, kind="vertical"):
    images("X", X, at_least=(3, 3), integers=True)
    one_of("kind", kind, FILTERS)
    size = h, w = X.shape[1:3]
    taps = [(u, v, float(weight)) for u, row in enumerate(FILTERS[kind]) for v, weight in enumerate(row) if weight]

    def back(dY):
        return np.stack([at(weight * dY, (u, v), size) for u, v, weight in taps]).sum(axis=0)

    return np.stack([weight * X[:, u : u + h - 2, v : v + w - 2] for u, v, weight in taps]).sum(axis=0), back
