"""2-D convolution as deep learning has it: cross-correlation, the filter is not flipped (`TrueConvolution` flips it).

    Z[m, i, j, n] = b[n] + sum_{u, v, k} A_pad[m, s i + d u, s j + d v, k] W[u, v, k, n]

    db = sum_{m, i, j} dZ     dW[u, v, k, n] = sum_{m, i, j} A_pad[m, s i + d u, s j + d v, k] dZ[m, i, j, n]
    dA_prev = the correlation of dZ, spread out by the stride, with W turned by 180 degrees and its channels swapped:
              a pixel gathers from the windows that it was in, and the window in which W[0, 0] met it began there,
              the one in which W[1, 1] met it began d up and d left of it

A_prev [m h_prev w_prev c_prev], W [fh fw c_group c], b [c], Z [m h w c]; h = floor((h_prev + 2p - d(f - 1) - 1)/s) + 1.
With `groups`, output channels (g n) see only the c_group = c_prev / groups input channels (g k) of their own group;
groups = c_prev is depthwise. "same" at stride 2 differs by framework: reference/layers/padding.py.
Source: Course 4, week 1, "Strided convolutions", "Convolutions over volume".
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from reference import kernels
from reference.checks import divides, images, sizes, whole
from reference.kernels.conv import conv2d as fast_conv2d
from reference.layers.padding import pads, pair
from reference.module import Layer
from reference.windows import spread, windows


@dataclass(frozen=True)
class Conv(Layer):
    c_prev: int
    c: int
    f: int | tuple[int, int]
    stride: int | tuple[int, int] = 1
    padding: str | int | tuple = "valid"
    dilation: int | tuple[int, int] = 1
    groups: int = 1
    bias: bool = True

    def __post_init__(self):
        whole("c_prev", self.c_prev)
        whole("c", self.c)
        sizes(f=self.f, stride=self.stride, dilation=self.dilation)
        divides("groups", self.groups, c_prev=self.c_prev, c=self.c)

    @property
    def params(self):
        return {"W": "fh fw c_group c"} | ({"b": "c"} if self.bias else {})

    @property
    def fh(self):
        return pair(self.f)[0]

    @property
    def fw(self):
        return pair(self.f)[1]

    @property
    def c_group(self):
        return self.c_prev // self.groups

    def apply(self, p, s, A_prev, *, mode):
        Z, back = self.forward(p, A_prev)
        return Z, s, partial(back, need_input=False) if mode.data else back

    def forward(self, p, A_prev):
        images("A_prev", A_prev, channels=self.c_prev)
        stride, dilation = pair(self.stride), pair(self.dilation)
        padding = pads(self.padding, pair(self.f), stride, dilation, A_prev.shape[1:3])
        Z, back_conv = conv2d(A_prev, p["W"], stride, padding, dilation, self.groups)

        def back(dZ, need_input=True):
            dA_prev, dW = back_conv(dZ, need_input)
            return {"W": dW} | ({"b": dZ.sum(axis=(0, 1, 2))} if self.bias else {}), dA_prev

        return Z + p["b"] if self.bias else Z, back


def conv2d(X, W, stride, padding, dilation, groups):
    """Z and its pullback dZ -> dX, dW, where dX is None if need_input=False; all geometry in pairs (height, width),
    padding in pairs of sides."""
    geometry = stride, padding, dilation, groups
    if kernels.suit(X, W):
        return kernels.held(*fast_conv2d(X, W, *geometry))

    def back(dZ, need_input=True):
        dX = gather(dZ, W, X.shape[1:3], *geometry) if need_input else None
        return dX, filter_gradient(X, dZ, W.shape, *geometry)

    return correlate(X, W, *geometry), back


def correlate(X, W, stride, padding, dilation, groups):
    X_pad = np.pad(X, ((0, 0), *padding, (0, 0)))
    V = windows(X_pad, W.shape[:2], stride, dilation)
    W_matrix = W.reshape(-1, groups, W.shape[3] // groups).transpose(1, 0, 2)  # g (u v k) n
    Z = patches(V, groups) @ W_matrix  # g (m i j) n
    return Z.transpose(1, 0, 2).reshape(*V.shape[:3], -1)


def filter_gradient(X, dZ, shape, stride, padding, dilation, groups):
    X_pad = np.pad(X, ((0, 0), *padding, (0, 0)))
    V = windows(X_pad, shape[:2], stride, dilation)
    dZ_matrix = dZ.reshape(-1, groups, dZ.shape[3] // groups).transpose(1, 0, 2)  # g (m i j) n
    dW = patches(V, groups).transpose(0, 2, 1) @ dZ_matrix  # g (u v k) n
    return dW.transpose(1, 0, 2).reshape(shape)


def gather(dZ, W, size, stride, padding, dilation, groups):
    """dX: the adjoint of `correlate` in X, whose images are (h, w) = size."""
    dZ = spread(dZ, stride)
    border = [(n - 1) * d for n, d in zip(W.shape, dilation)]
    unseen = [n + sum(p) - length - r for n, p, length, r in zip(size, padding, dZ.shape[1:3], border)]
    full = tuple((r, r + rest) for r, rest in zip(border, unseen))
    dX_pad = correlate(dZ, turned(W, groups), (1, 1), full, dilation, groups)
    (top, _), (left, _) = padding
    return dX_pad[:, top : top + size[0], left : left + size[1]]


def turned(W, groups):
    """W [u v k (g n)] turned by 180 degrees, with input and output channels swapped in each group: [-u -v n (g k)]."""
    fh, fw, c_group, c = W.shape
    split = W[::-1, ::-1].reshape(fh, fw, c_group, groups, c // groups)
    return split.transpose(0, 1, 4, 3, 2).reshape(fh, fw, c // groups, groups * c_group)


def patches(V, groups):
    """Windows [m i j (g k) u v] as the rows of one matrix a group: [g (m i j) (u v k)]."""
    m, h, w, c, fh, fw = V.shape
    split = V.reshape(m, h, w, groups, c // groups, fh, fw)
    return split.transpose(3, 0, 1, 2, 5, 6, 4).reshape(groups, m * h * w, -1)
