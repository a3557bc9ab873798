"""Boxes: their forms, areas and overlaps, and their way from an image to the network's and back.

    corner   x1 y1 x2 y2      the edges: left, top, right, bottom
    center   x y w h          the centre and the size                  x = (x1 + x2)/2, w = x2 - x1
    grid     b_x b_y b_h b_w  the notes' form, in cells of `stride` pixels: the centre from the cell's upper left
                              corner, and the size                     b_x = x/stride - column, b_w = w/stride

    iou      |B and D| / |B or D|, 0 where both are empty

A box is a row, in every column: B [.. k 4]. x points right and y down, in pixels; pixel i spans i to i + 1, so that a
box has width x2 - x1, without the +1 of some tools. A centre on a border of cells belongs to the cell right of it or
below it, one on the image's right or lower edge to the last cell (b_x = 1).
`letterbox` scales by the smaller of the two ratios and centres: what is left of the network's image is padding.
Sources: Course 4, week 3, "Bounding box predictions", "Intersection over union".
"""

import numpy as np

from reference.detection.checks import corners, image_size, rows_of_four


def corner_from_center(C):
    rows_of_four("C", C)
    middle, size = C[..., :2], C[..., 2:]

    def back(dB):
        dnear, dfar = dB[..., :2], dB[..., 2:]
        return np.concatenate([dnear + dfar, (dfar - dnear) / 2], axis=-1)

    return np.concatenate([middle - size / 2, middle + size / 2], axis=-1), back


def center_from_corner(B):
    rows_of_four("B", B)
    near, far = B[..., :2], B[..., 2:]

    def back(dC):
        dmiddle, dsize = dC[..., :2], dC[..., 2:]
        return np.concatenate([dmiddle / 2 - dsize, dmiddle / 2 + dsize], axis=-1)

    return np.concatenate([(near + far) / 2, far - near], axis=-1), back


def grid_from_center(C, stride, grid):
    """The row and column [.. k 2] of each centre's cell, of the (h, w) = grid, and the box [.. k 4] as seen from it."""
    rows_of_four("C", C)
    x, y, w, h = (C[..., i] / stride for i in range(4))
    row, column = (np.minimum(np.floor(v), n - 1) for v, n in zip((y, x), grid))
    return np.stack([row, column], axis=-1), np.stack([x - column, y - row, h, w], axis=-1)


def center_from_grid(cell, b, stride):
    rows_of_four("b", b)
    b_x, b_y, b_h, b_w = (b[..., i] for i in range(4))
    return np.stack([b_x + cell[..., 1], b_y + cell[..., 0], b_w, b_h], axis=-1) * stride


def area(B):
    rows_of_four("B", B)
    return (B[..., 2] - B[..., 0]) * (B[..., 3] - B[..., 1])


def intersection(B, D):
    """The common area of every box of B [.. k 4] with every box of D [.. j 4]: [.. k j]."""
    B, D = B[..., :, None, :], D[..., None, :, :]
    w = np.minimum(B[..., 2], D[..., 2]) - np.maximum(B[..., 0], D[..., 0])
    h = np.minimum(B[..., 3], D[..., 3]) - np.maximum(B[..., 1], D[..., 1])
    return np.maximum(w, 0) * np.maximum(h, 0)


def iou(B, D):
    """Of every box of B [.. k 4] with every box of D [.. j 4]: [.. k j]."""
    corners("B", B)
    corners("D", D)
    common = intersection(B, D)
    union = area(B)[..., :, None] + area(D)[..., None, :] - common
    return common / np.where(union > 0, union, 1)


def clip(B, image):
    """The part of each box inside the image of (height, width)."""
    corners("B", B)
    image_size("image", image)
    return each_number(B, lambda x, n: np.minimum(np.maximum(x, 0), n), image[::-1] * 2)


def letterbox(B, image, network):
    """Boxes in an image of (height, width) as they are in the network's image that it is fitted into."""
    rows_of_four("B", B)
    scale, margins = fit(image, network)
    return each_number(B, lambda x, margin: x * scale + margin, margins)


def unletterbox(B, image, network):
    rows_of_four("B", B)
    scale, margins = fit(image, network)
    return each_number(B, lambda x, margin: (x - margin) / scale, margins)


def fit(image, network):
    """The scale, and the margins left, top, left, top."""
    image_size("image", image)
    image_size("network", network)
    scale = min(n / size for n, size in zip(network, image))
    top, left = ((n - scale * size) / 2 for n, size in zip(network, image))
    return scale, (left, top, left, top)


def each_number(B, function, constants):
    """function(number, constant) for the four numbers of each box, in the boxes' own dtype."""
    return np.stack([function(B[..., i], constant) for i, constant in enumerate(constants)], axis=-1)
