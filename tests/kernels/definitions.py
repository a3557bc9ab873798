"""What the kernels compute, straight from the formulas and in the numbers it is given (float64, or wider); numbers to
give it, and how far off a result is."""

import numpy as np


def wide(*arrays):
    """Arrays in the next wider kind of number."""
    kind = np.float64 if arrays[0].dtype == np.float32 else np.longdouble
    return [array.astype(kind) for array in arrays]


def whole_numbers(rng, shape):
    return rng.integers(-4, 5, shape).astype(float)


def error(got, expected):
    """Root mean square, relative to that of what is expected."""
    return float(np.sqrt(np.mean((got - expected) ** 2) / np.mean(expected**2)))


def seen(X, tap, size, stride, dilation=(1, 1)):
    """The pixels of X_pad that tap (u, v) of a filter meets, one for each output of (h, w) = size."""
    rows, cols = (slice(d * t, d * t + s * (n - 1) + 1, s) for d, t, s, n in zip(dilation, tap, stride, size))
    return X[:, rows, cols]


def padded(X, padding, value=0):
    return np.pad(X, ((0, 0), *padding, (0, 0)), constant_values=value)


def without_padding(X_pad, X, padding):
    (top, _), (left, _) = padding
    return X_pad[:, top : top + X.shape[1], left : left + X.shape[2]]


def sizes(X, f, stride, padding, dilation=(1, 1)):
    axes = zip(X.shape[1:3], f, stride, padding, dilation)
    return tuple((n + sum(p) - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in axes)


def conv(X, W, dZ, stride, padding, dilation, groups):
    """Z, dX, dW, tap by tap."""
    X_pad, size = padded(X, padding), dZ.shape[1:3]
    Z, dX_pad, dW = np.zeros_like(dZ), np.zeros_like(X_pad), np.zeros_like(W)
    outs, ins = (np.split(np.arange(n), groups) for n in (W.shape[3], X.shape[3]))
    for u, v in np.ndindex(*W.shape[:2]):
        for o, i in zip(outs, ins):
            x = seen(X_pad, (u, v), size, stride, dilation)
            Z[..., o] += np.einsum("mijk,kn->mijn", x[..., i], W[u, v][:, o])
            dW[u, v][:, o] += np.einsum("mijk,mijn->kn", x[..., i], dZ[..., o])
            seen(dX_pad, (u, v), size, stride, dilation)[..., i] += np.einsum(
                "mijn,kn->mijk", dZ[..., o], W[u, v][:, o]
            )
    return Z, without_padding(dX_pad, X, padding), dW


def max_pool(X, dY, f, stride, padding):
    """Y, dX: the first of the largest in row-major order takes dY."""
    X_pad = padded(X, padding, -np.inf)
    Y, dX_pad = np.empty_like(dY), np.zeros_like(X_pad)
    for m, i, j, k in np.ndindex(*dY.shape):
        window = X_pad[m, stride[0] * i :, stride[1] * j :, k][: f[0], : f[1]]
        u, v = np.unravel_index(window.argmax(), window.shape)
        Y[m, i, j, k] = window[u, v]
        dX_pad[m, stride[0] * i + u, stride[1] * j + v, k] += dY[m, i, j, k]
    return Y, without_padding(dX_pad, X, padding)


def average_pool(X, dY, f, stride, padding, count_padding):
    X_pad, size = padded(X, padding), dY.shape[1:3]
    inside = padded(np.ones_like(X), padding, 1 if count_padding else 0)
    count = sum(seen(inside, tap, size, stride) for tap in np.ndindex(*f))
    Y = sum(seen(X_pad, tap, size, stride) for tap in np.ndindex(*f)) / count
    dX_pad = np.zeros_like(X_pad)
    for tap in np.ndindex(*f):
        seen(dX_pad, tap, size, stride)[...] += dY / count
    return Y, without_padding(dX_pad, X, padding)


def batch_norm(Z, gamma, beta, epsilon, dY):
    """Y, mu, sigma2, dgamma, dbeta, dZ"""
    axes, count = (0, 1, 2), Z.size // Z.shape[3]
    mu = Z.sum(axes) / count
    sigma2 = ((Z - mu) ** 2).sum(axes) / count
    inverse = 1 / np.sqrt(sigma2 + epsilon)
    normal = (Z - mu) * inverse
    dbeta, dgamma = dY.sum(axes), (dY * normal).sum(axes)
    dZ = gamma * inverse * (dY - dbeta / count - normal * dgamma / count)
    return gamma * normal + beta, mu, sigma2, dgamma, dbeta, dZ


def softmax_cross_entropy(Z, Y, dJ):
    """J, dZ"""
    E = np.exp(Z - Z.max(axis=0))
    A = E / E.sum(axis=0)
    return -(Y * np.log(A)).sum() / Z.shape[1], dJ * (A - Y) / Z.shape[1]
