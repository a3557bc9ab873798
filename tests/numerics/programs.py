"""Small programs in plain NumPy, forward and backward, that every number type must run unchanged."""

from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from reference.layers.batch_norm import BatchNorm
from reference.layers.dense import Dense
from reference.layers.losses import softmax_cross_entropy_from_logits
from reference.module import Chain, Mode, flatten, nest, shapes


class Net(Chain):
    """Dense layers with batch norm (if wanted) and an activation between them."""

    def __init__(self, sizes, activation, normalized=True):
        self.parts, last = {}, len(sizes) - 2
        for i, (n_prev, n) in enumerate(pairwise(sizes)):
            self.parts[f"dense{i}"] = Dense(n_prev, n)
            if i < last:
                self.parts |= {f"norm{i}": BatchNorm(n)} if normalized else {}
                self.parts[f"act{i}"] = activation


def net_data(net, sizes, m, seed):
    """Random parameters, state, inputs and one-hot labels: {"p fc.W": array, ..., "X": array, "Y": array}."""
    g = np.random.default_rng(seed)
    arrays = {f"p {k}": g.standard_normal(shape) / np.sqrt(shape[-1]) for k, shape in shapes(net).items()}
    arrays |= {f"s {k}": np.abs(g.standard_normal(shape)) + 0.5 for k, shape in shapes(net, "state").items()}
    labels = np.eye(sizes[-1])[:, g.integers(0, sizes[-1], m)]
    return arrays | {"X": g.standard_normal((sizes[0], m)), "Y": labels}


def under(prefix, arrays):
    return nest({name.removeprefix(prefix): x for name, x in arrays.items() if name.startswith(prefix)})


def run_net(net, arrays, train=True):
    """Cost, logits, state afterwards and all gradients."""
    Z, state, back = net(under("p ", arrays), under("s ", arrays), arrays["X"], mode=Mode(train=train))
    J, back_cost = softmax_cross_entropy_from_logits(Z, arrays["Y"])
    dp, dX = back(back_cost(1.0))
    gradients = {f"p {name}": x for name, x in flatten(dp).items()} | {"X": dX}
    return {"J": J, "Z": Z} | flatten(state) | {f"d {name}": x for name, x in gradients.items()}


def run_convolution(arrays):
    """A strided convolution, ReLU and max pooling on images "m h w c", by windows, tensordot and einsum."""
    A, W, dP = arrays["A"], arrays["W"], arrays["dP"]
    A_pad = np.pad(A, ((0, 0), (1, 1), (1, 1), (0, 0)))
    V = sliding_window_view(A_pad, (3, 3), axis=(1, 2))[:, ::2, ::2]  # m i j c u v
    Z = np.tensordot(V, W, axes=((4, 5, 3), (0, 1, 2)))
    R = np.where(Z.real > 0, Z, 0)
    m, h, w, c = R.shape
    blocks = R.reshape(m, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 5, 2, 4).reshape(m, h // 2, w // 2, c, 4)
    winner = blocks.real.argmax(axis=-1)[..., None]
    P = np.take_along_axis(blocks, winner, axis=-1)[..., 0]

    dblocks = dP[..., None] * (np.arange(4) == winner)
    dR = dblocks.reshape(m, h // 2, w // 2, c, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(R.shape)
    dZ = dR * (Z.real > 0)
    dW = np.einsum("mijcuv,mijn->uvcn", V, dZ)
    dZ_wide = np.pad(dZ[:, :, None, :, None], ((0, 0), (0, 0), (0, 1), (0, 0), (0, 1), (0, 0)))
    dZ_wide = np.pad(dZ_wide.reshape(m, 2 * h, 2 * w, c), ((0, 0), (2, 1), (2, 1), (0, 0)))
    U = sliding_window_view(dZ_wide, (3, 3), axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3).reshape(-1, 9 * c)
    W_turned = W[::-1, ::-1].transpose(0, 1, 3, 2).reshape(9 * c, -1)
    dA = (U @ W_turned).reshape(m, 2 * h + 1, 2 * w + 1, -1)[:, 1:, 1:]
    return {"P": P, "d W": dW, "d A": dA}


def convolution_data(seed, draw=None):
    g = np.random.default_rng(seed)
    draw = draw or g.standard_normal
    return {"A": draw((2, 8, 12, 3)), "W": draw((3, 3, 3, 4)), "dP": draw((2, 2, 3, 4))}
