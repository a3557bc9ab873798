"""Batch normalization in train mode over images Z [m h w c], each channel over its m h w values.

    mu = mean Z     sigma2 = mean (Z - mu)^2     inverse = 1/sqrt(sigma2 + epsilon)     Z_norm = (Z - mu) inverse
    Y = gamma Z_norm + beta

    dbeta = sum dY        dgamma = sum dY Z_norm        dZ = gamma inverse (dY - mean dY - Z_norm mean(dY Z_norm))

Two passes for the statistics, for mean Z^2 - mu^2 cancels. The sum of a chunk's rows is a vector of ones times the
chunk, and sums over chunks are made in float64. Z - mu is kept for the pullback in place of Z. Several pixels make a
row, with the vector of channels repeated along it.
"""

import numpy as np

from reference.kernels.long_rows import column_sums, joined, product_sums, repeated
from reference.kernels.threads import WORTH_SHARING, chunks, share, total

CHUNK_BYTES, ROW_BYTES = 1 << 19, 1 << 13


def batch_norm(Z, gamma, beta, epsilon):
    """Y, mu, sigma2 and the pullback: back(dY) -> dgamma, dbeta, dZ. All but Y and dZ have the shape of gamma."""
    count, c = Z.size // Z.shape[3], Z.shape[3]
    as_given, gamma, beta = gamma.shape, gamma.reshape(c), beta.reshape(c)
    pixels = joined(count, c, ROW_BYTES // Z.itemsize)
    Z_rows = Z.reshape(-1, pixels * c)
    centered, Y_rows = np.empty_like(Z_rows), np.empty_like(Z_rows)
    size, least = (max(1, values // (pixels * c)) for values in (CHUNK_BYTES // Z.itemsize, WORTH_SHARING))

    def by_rows(work):
        return share(work, range(len(Z_rows)), least)

    def means(sums):
        """The means of each channel over all chunks, in float64."""
        found = total(by_rows(lambda part: total(sums(chunk) for chunk in chunks(part, size))))
        return found.reshape(*found.shape[:-1], pixels, c).sum(axis=-2) / count

    def row(channels):
        return repeated(channels.astype(Z.dtype), pixels)

    def per_channel(channels):
        return channels.astype(Z.dtype).reshape(as_given)

    def center(chunk):
        np.subtract(Z_rows[chunk], mu_row, out=centered[chunk])
        return product_sums(centered[chunk], centered[chunk])

    def scale(part):
        for chunk in chunks(part, size):
            np.multiply(centered[chunk], scale_row, out=Y_rows[chunk])
            Y_rows[chunk] += beta_row

    mu = means(lambda chunk: column_sums(Z_rows[chunk]))
    mu_row = row(mu)
    sigma2 = means(center)
    inverse = 1 / np.sqrt(sigma2 + epsilon)
    scale_row, beta_row = row(gamma * inverse), row(beta)
    by_rows(scale)

    def back(dY):
        dY_rows = dY.reshape(Z_rows.shape)
        dZ_rows = np.empty_like(dY_rows)

        def both(chunk):
            return np.array([column_sums(dY_rows[chunk]), product_sums(dY_rows[chunk], centered[chunk])])

        mean_dY, mean_product = means(both)
        mean_row, slope_row = row(mean_dY), row(mean_product / (sigma2 + epsilon))

        def work(part):
            for chunk in chunks(part, size):
                dZ = np.subtract(dY_rows[chunk], mean_row, out=dZ_rows[chunk])
                dZ -= centered[chunk] * slope_row
                dZ *= scale_row

        by_rows(work)
        return per_channel(count * inverse * mean_product), per_channel(count * mean_dY), dZ_rows.reshape(Z.shape)

    return Y_rows.reshape(Z.shape), per_channel(mu), per_channel(sigma2), back
