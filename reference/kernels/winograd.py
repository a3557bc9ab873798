"""Convolution with a 3 x 3 filter at stride 1 by Winograd's scheme in both directions (schemes.py).

    V = B X_pad B^T        U = G W G^T        M[p] = V[p] U[p]        Z = A M A^T

tile by tile of m x m outputs, with a matrix product for each of the points p of a tile: V[p] [tiles k], U[p] [k n],
M[p] [tiles n]. Every step is linear in each of its arguments, so the pullback is the steps transposed, in reverse:

    dM = A^T dZ A        dU[p] = V[p]^T dM[p]        dV[p] = dM[p] U[p]^T        dX = B^T dV B        dW = G^T dU G

where overlapping tiles add up in dX. V is made again for the pullback, which is as quick as fetching it from memory.
Source: Lavin & Gray 2016.
"""

import numpy as np

from reference.kernels.blocks import blocks
from reference.kernels.long_rows import joined
from reference.kernels.products import shared_times
from reference.kernels.schemes import F23, combine, in_two_directions, spread
from reference.kernels.sums_of_products import matmul_over_rows
from reference.kernels.threads import share, span, total
from reference.kernels.tiles import add, deal

CHUNK_TILES, CHUNK_BYTES, CHUNK_COLUMNS = 128, 1 << 17, 4096
"""At least so many tiles are worked on at once, more if one point of them has fewer bytes."""


def conv(X, W, stride, padding, dilation, scheme=F23):
    G = in_two_directions(scheme.G, W.dtype)
    U = applied(G, [W])

    def back(dZ, need_input=True):
        dX, dUs = gradients(dZ, X, U, padding, scheme, need_input)
        return dX, applied(G.T, dUs).reshape(W.shape)

    return product(X, U, padding, scheme), back


def applied(G, parts):
    """G [p q] by the sum of parts [.. k n], whose leading axes make q; the sum of several is made in the first. So few
    rows are quicker some columns at a time."""
    p, q = G.shape
    k, n = parts[0].shape[-2:]
    columns = n * joined(k, n, CHUNK_COLUMNS)
    matrices = [part.reshape(q, -1, columns) for part in parts]
    result = np.empty((p, k * n // columns, columns), G.dtype)

    def work(part):
        M = total(M[:, span(part)] for M in matrices)
        np.matmul(G, M.swapaxes(0, 1), out=result[:, span(part)].swapaxes(0, 1))

    share(work, range(k * n // columns))
    return result.reshape(p, k, n)


def product(X, U, padding, scheme):
    m, n = len(scheme.A), U.shape[2]
    h, w = (size + sum(side) - 2 for size, side in zip(X.shape[1:3], padding))
    down, across = -(-h // m), -(-w // m)
    Z = np.empty((len(X), down, m, across, m, n), X.dtype)
    by_U = shared_times(U, len(X) * down * across)

    def work(part):
        for images, rows in chunks(part, down, across, U):
            V = points(X[images], rows, across, padding, scheme)
            M = by_U(as_matrices(V)).reshape(*V.shape[:5], n)
            outputs(M, scheme, out=Z[images, rows])

    share(work, range(len(X)))
    return np.ascontiguousarray(Z.reshape(len(X), down * m, across * m, n)[:, :h, :w])


def gradients(dZ, X, U, padding, scheme, need_input):
    """dX, and dU in parts that each worker made of some images."""
    m = len(scheme.A)
    down, across = -(-dZ.shape[1] // m), -(-dZ.shape[2] // m)
    dX = np.zeros_like(X) if need_input else None
    by_U_transposed = shared_times(U.swapaxes(-1, -2), len(X) * down * across) if need_input else None

    def of_chunk(images, rows):
        tiles = deal(dZ[images], -m * rows.start, 0, (m, m), rows.stop - rows.start, across)
        dM = outputs_back(tiles, scheme)
        if need_input:
            dV = by_U_transposed(as_matrices(dM)).reshape(*dM.shape[:5], X.shape[3])
            add(points_back(dV, scheme), dX[images], padding[0][0] - m * rows.start, padding[1][0])
        V = points(X[images], rows, across, padding, scheme)
        return matmul_over_rows(as_matrices(V), as_matrices(dM))

    def work(part):
        return total(of_chunk(*chunk) for chunk in chunks(part, down, across, U))

    return dX, share(work, range(len(X)))


def chunks(images, down, across, U):
    """Tiles of a range of images that are worked on at once."""
    return blocks(images, down, across, max(CHUNK_TILES, CHUNK_BYTES // (max(U.shape[1:]) * U.itemsize)))


def as_matrices(V):
    """[p p m y x k] -> [(p p) (m y x) k]"""
    return V.reshape(V.shape[0] * V.shape[1], -1, V.shape[5])


def points(X, rows, across, padding, scheme):
    """V [p p m y x k] of some rows of tiles. Input j of a tile is at place j mod m of the tile j // m further."""
    m, p, h = len(scheme.A), len(scheme.B), rows.stop - rows.start
    (top, _), (left, _) = padding
    P = deal(X, top - m * rows.start, left, (m, m), h + 1, across + 1)
    S = np.empty((p, m, len(X), h, across + 1, X.shape[3]), X.dtype)
    V = np.empty((p, p, len(X), h, across, X.shape[3]), X.dtype)
    inputs = [P[j % m, :, :, j // m : j // m + h] for j in range(p)]
    for b, s in zip(scheme.B, S):
        combine(b, inputs, out=s)
    inputs = [S[:, j % m, :, :, j // m : j // m + across] for j in range(p)]
    for b, v in zip(scheme.B, V.swapaxes(0, 1)):
        combine(b, inputs, out=v)
    return V


def points_back(dV, scheme):
    """dP [m m images y x k]: in both directions, a tile adds to its own places and to those of the next."""
    p, _, images, h, w, c = dV.shape
    m = len(scheme.A)
    dS = np.empty((p, m, images, h, w + 1, c), dV.dtype)
    dP = np.empty((m, m, images, h + 1, w + 1, c), dV.dtype)
    spread(scheme.B, dV.swapaxes(0, 1), out=dS.swapaxes(0, 1), axis=3)
    spread(scheme.B, dS, out=dP, axis=2)
    return dP


def outputs(M, scheme, out):
    """Z [m y a x b n] from M [p p m y x n], (a, b) being the place in a tile."""
    m = len(scheme.A)
    Z = transformed(in_two_directions(scheme.A, M.dtype), M)
    out.transpose(2, 4, 0, 1, 3, 5)[...] = Z.reshape(m, m, *M.shape[2:])


def outputs_back(dZ, scheme):
    """dM [p p m y x n] from dZ [a b m y x n]"""
    p = len(scheme.B)
    return transformed(in_two_directions(scheme.A, dZ.dtype).T, dZ).reshape(p, p, *dZ.shape[2:])


def transformed(T, D):
    """T [q p] by D, whose two leading axes make p: a product for every row of tiles, so small that it is quick."""
    (*_, images, h, w, c), q = D.shape, len(T)
    result = np.empty((q, images * h, w * c), D.dtype)
    np.matmul(T, D.reshape(-1, images * h, w * c).swapaxes(0, 1), out=result.swapaxes(0, 1))
    return result
