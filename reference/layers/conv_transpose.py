"""Transposed convolution: each pixel stamps its filter into the output, stamps are `stride` apart and overlaps add up.

    Z_pad[m, s i + u, s j + v, n] = b[n] + sum over i, j, k of A_prev[m, i, j, k] W[u, v, k, n]
    Z = Z_pad without `padding` rows and columns on every side, with `output_padding` more at the bottom and right

    h = (h_prev - 1) s - 2 p + f + output_padding

It is the map by which `Conv` sends dZ to dA_prev, so the three of them change places here: its pullback is a plain
strided correlation. A strided Conv maps several image sizes to one size; `output_padding` says which of them is meant.
A_prev [m h_prev w_prev c_prev], W [fh fw c_prev c], b [c], Z [m h w c]. The filter is not flipped, as in PyTorch;
Flax flips it unless told not to. Source: Course 4, week 3, "Transpose convolutions".
"""

from dataclasses import dataclass

from reference.checks import images, less, sizes, whole
from reference.layers.conv import correlate, filter_gradient, gather
from reference.layers.padding import border, pair
from reference.module import Layer


@dataclass(frozen=True)
class ConvTranspose(Layer):
    c_prev: int
    c: int
    f: int | tuple[int, int]
    stride: int | tuple[int, int] = 1
    padding: int | tuple = 0
    output_padding: int | tuple[int, int] = 0
    bias: bool = True

    def __post_init__(self):
        whole("c_prev", self.c_prev)
        whole("c", self.c)
        sizes(f=self.f, stride=self.stride)
        sizes(least=0, output_padding=self.output_padding)
        border(self.padding)
        less("output_padding", pair(self.output_padding), "the stride", pair(self.stride))

    @property
    def params(self):
        return {"W": "fh fw c_prev c"} | ({"b": "c"} if self.bias else {})

    @property
    def fh(self):
        return pair(self.f)[0]

    @property
    def fw(self):
        return pair(self.f)[1]

    def forward(self, p, A_prev):
        images("A_prev", A_prev, channels=self.c_prev)
        W = p["W"].transpose(0, 1, 3, 2)  # the filter of the convolution that leads from Z to A_prev
        stride, padding = pair(self.stride), border(self.padding)
        extra = pair(self.output_padding)
        size = [
            (n - 1) * s - sum(side) + f + more
            for n, s, side, f, more in zip(A_prev.shape[1:3], stride, padding, W.shape, extra)
        ]
        if min(size) < 1:
            raise ValueError(f"padding is {self.padding}; expected to leave a pixel of the output, which it crops")
        geometry = stride, padding, (1, 1), 1
        Z = gather(A_prev, W, size, *geometry)

        def back(dZ):
            dp = {"W": filter_gradient(dZ, A_prev, W.shape, *geometry).transpose(0, 1, 3, 2)}
            if self.bias:
                dp["b"] = dZ.sum(axis=(0, 1, 2))
            return dp, correlate(dZ, W, *geometry)

        return Z + p["b"] if self.bias else Z, back
