"""Convolution with a 3 x fw filter at stride 1 by Winograd's scheme down the columns only, and patches along the rows.

    V = B X_pad        U = G W        M[p] = P[p] U[p], P[p] the windows of fw pixels in V[p]        Z = A M

    dM = A^T dZ        dU[p] = P[p]^T dM[p]        dV[p] = windows of dM[p] times U[p] turned        dX = B^T dV

F23 makes 8 products out of 12, where in both directions (winograd.py) it makes 16 out of 36. But here the matrix
products are fw times as long, and a transform is one pass over whole rows: the better way for few channels.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from reference.kernels.blocks import blocks
from reference.kernels.products import matmul, matmul_over_rows
from reference.kernels.schemes import F23, combine, spread
from reference.kernels.threads import share, total
from reference.kernels.tiles import add, deal

CHUNK_BYTES = 1 << 21


def conv(X, W, stride, padding, dilation, scheme=F23):
    G = np.array(scheme.G, W.dtype)
    U = np.tensordot(G, W, 1)  # p v k n

    def back(dZ, need_input=True):
        dX, dU = gradients(dZ, X, U, padding, scheme, need_input)
        return dX, np.tensordot(G.T, dU, 1)

    return product(X, U, padding, scheme), back


def product(X, U, padding, scheme):
    m, (p, fw, _, n) = len(scheme.A), U.shape
    h, w = X.shape[1] + sum(padding[0]) - 2, X.shape[2] + sum(padding[1]) - fw + 1
    down = -(-h // m)
    Z = np.empty((len(X), down, m, w, n), X.dtype)

    def work(part):
        for images, rows in blocks(part, down, w, chunk_size(U)):
            P = patches(points(X[images], rows, w + fw - 1, padding, scheme), fw)
            M = matmul(P, U.reshape(p, -1, n)).reshape(p, -1, rows.stop - rows.start, w, n)
            for a, z in zip(scheme.A, np.moveaxis(Z[images, rows], 2, 0)):
                combine(a, M, out=z)

    share(work, range(len(X)))
    return np.ascontiguousarray(Z.reshape(len(X), down * m, w, n)[:, :h])


def gradients(dZ, X, U, padding, scheme, need_input):
    m, (p, fw, c, n) = len(scheme.A), U.shape
    down, w = -(-dZ.shape[1] // m), dZ.shape[2]
    dX = np.zeros_like(X) if need_input else None
    U_turned = U[:, ::-1].swapaxes(2, 3).reshape(p, -1, c)

    def of_chunk(images, rows):
        dM = outputs_back(dZ[images], rows, fw - 1, scheme)
        if need_input:
            left, width = padding[1][0], X.shape[2]
            dV = matmul(patches(dM[:, :, :, left : left + width + fw - 1], fw), U_turned)
            dP = points_back(dV.reshape(p, -1, rows.stop - rows.start, width, c), scheme)
            add(dP[:, None], dX[images], padding[0][0] - m * rows.start, 0)
        P = patches(points(X[images], rows, w + fw - 1, padding, scheme), fw)
        return matmul_over_rows(P, dM[:, :, :, fw - 1 : w + fw - 1].reshape(p, -1, n))

    def work(part):
        return total(of_chunk(*chunk) for chunk in blocks(part, down, w, chunk_size(U)))

    return dX, total(share(work, range(len(X)))).reshape(U.shape)


def chunk_size(U):
    return CHUNK_BYTES // U[..., 0].nbytes


def points(X, rows, width, padding, scheme):
    """V [p m y x k] of some rows of tiles. Input j of a tile is at place j mod m of the tile j // m further."""
    m, h = len(scheme.A), rows.stop - rows.start
    (top, _), (left, _) = padding
    P = deal(X, top - m * rows.start, left, (m, 1), h + 1, width)[:, 0]
    V = np.empty((len(scheme.B), len(X), h, width, X.shape[3]), X.dtype)
    for b, v in zip(scheme.B, V):
        combine(b, [P[j % m, :, j // m : j // m + h] for j in range(len(b))], out=v)
    return V


def points_back(dV, scheme):
    _, images, h, w, c = dV.shape
    dP = np.empty((len(scheme.A), images, h + 1, w, c), dV.dtype)
    spread(scheme.B, dV, out=dP, axis=1)
    return dP


def outputs_back(dZ, rows, border, scheme):
    """dM [p m y x n] of some rows of tiles, with zeros on a border to its left and right."""
    m, h, w = len(scheme.A), rows.stop - rows.start, dZ.shape[2]
    P = deal(dZ, -m * rows.start, border, (m, 1), h, w + 2 * border)[:, 0]
    dM = np.empty((len(scheme.B), *P.shape[1:]), dZ.dtype)
    for a, d in zip(zip(*scheme.A), dM):
        combine(a, P, out=d)
    return dM


def patches(V, fw):
    """[p m y x k] -> [p (m y x) (v k)]"""
    p, m, h, w, c = V.shape
    view = as_strided(V, (p, m, h, w - fw + 1, fw, c), (*V.strides[:4], *V.strides[3:]), writeable=False)
    return view.reshape(p, -1, fw * c)
