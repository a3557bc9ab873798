"""Regions of interest: a region of any size becomes f x f numbers a channel, which dense layers can take.

    roi_max_pool   corners are rounded to pixels, the region is cut into f x f bins, and each bin is its largest value:
                   start = round(s x1),  length = max(round(s x2) - start + 1, 1),
                   bin j: start + floor(j length/f) <= v < start + ceil((j + 1) length/f);  0 if no pixel is in it
    roi_align      nothing is rounded: a bin is the mean of samples x samples bilinear interpolations, evenly spread:
                   x = s x1 - 1/2 + (j + (k + 1/2)/samples) s (x2 - x1)/f,  k < samples
                   A[r, i, j, c] = sum_{u, v} H[r, i, u] V[r, j, v] X[u, v, c],  V[r, j, v] = mean_k max(0, 1 - |x - v|)

    dX: max pooling gives dA to the winner, the first in row-major order; RoIAlign has dX = H^T dA V, its weights turned

X [m h w c]; rois [r 5] rows of image number, x1 y1 x2 y2; s is `scale`, the pixels of X per pixel of the regions;
A [r f f c]. Pixel v has its centre at v + 1/2, hence the 1/2 (CONVENTIONS.md, "Regions of interest"). A sample up to a
pixel outside of the image takes the nearest pixel, one beyond is 0. Bins and weights are products of rows and columns,
so each axis is worked out alone. Regions are constants: no gradient is taken by them.
Sources: Girshick 2015 (Fast R-CNN); He, Gkioxari, Dollar & Girshick 2017 (Mask R-CNN).
"""

import numpy as np

from reference.checks import images, positive, whole
from reference.detection.checks import regions


def roi_max_pool(X, rois, f, scale=1.0):
    checked(X, rois, f, scale)
    P, back_pixels = pixels(X, rois)
    x1, y1, x2, y2 = (rois[:, i] * scale for i in (1, 2, 3, 4))
    rows, columns = bins(y1, y2, f, X.shape[1]), bins(x1, x2, f, X.shape[2])
    across, back_across = largest(np.where(columns[:, None, :, :, None], P[:, :, None], -np.inf), axis=3)
    A, back_down = largest(np.where(rows[:, :, :, None, None], across[:, None], -np.inf), axis=2)
    filled = A.real > -np.inf

    def back(dA):
        dacross = back_down(np.where(filled, dA, 0)).sum(axis=1)
        return back_pixels(back_across(dacross).sum(axis=2))

    return np.where(filled, A, 0), back


def roi_align(X, rois, f, scale=1.0, samples=2):
    checked(X, rois, f, scale)
    whole("samples", samples)
    P, back_pixels = pixels(X, rois)
    x1, y1, x2, y2 = (rois[:, i] * scale for i in (1, 2, 3, 4))
    (r, h, w, c), size = P.shape, X.shape[1:3]
    H, V = interpolation(y1, y2, f, samples, size[0]), interpolation(x1, x2, f, samples, size[1])
    across = (H @ P.reshape(r, h, w * c)).reshape(r, f, w, c)

    def back(dA):
        dacross = V.swapaxes(1, 2)[:, None] @ dA
        return back_pixels((H.swapaxes(1, 2) @ dacross.reshape(r, f, w * c)).reshape(r, h, w, c))

    return V[:, None] @ across, back


def bins(near, far, f, n):
    """Which of n pixels are in each bin of the regions from near [r] to far [r]: [r f n]."""
    start = np.floor(near + 0.5)[:, None]
    length = np.maximum(np.floor(far + 0.5)[:, None] - start + 1, 1)
    j, p = np.arange(f)[:, None], np.arange(n) - start[..., None]
    length = length[..., None]  # whole numbers are compared half-way between them, which no rounding decides
    return ((p + 1) * f > j * length + 0.5) & (p * f < (j + 1) * length - 0.5)


def interpolation(near, far, f, samples, n):
    """The weight of each of n pixels in each bin of the regions from near [r] to far [r]: [r f n]."""
    bin_size = (far - near)[:, None] / f
    x = near[:, None] - 0.5 + bin_size * ((np.arange(f * samples) + 0.5) / samples)
    inside = (x >= -1) & (x <= n)
    x = np.minimum(np.maximum(x, 0), n - 1)
    weight = np.maximum(1 - np.abs(x[..., None] - np.arange(n)), 0)
    return np.where(inside[..., None], weight, 0).reshape(-1, f, samples, n).mean(axis=2)


def largest(values, axis):
    """The largest along the axis, the first of equals, and the pullback."""
    winner = np.expand_dims(values.real.argmax(axis=axis), axis)
    places = np.expand_dims(np.arange(values.shape[axis]), tuple(range(1, values.ndim - axis)))

    def back(d):
        return np.expand_dims(d, axis) * (places == winner)

    return np.take_along_axis(values, winner, axis=axis).squeeze(axis), back


def pixels(X, rois):
    """The image of each region [r h w c], and the pullback: an image sums over its regions."""
    of_image = rois[:, :1].real == np.arange(len(X))

    def back(dP):
        return np.tensordot(of_image, dP, (0, 0))

    return X[of_image.argmax(axis=1)], back


def checked(X, rois, f, scale):
    images("X", X)
    regions("rois", rois, len(X))
    whole("f", f)
    positive("scale", scale)
