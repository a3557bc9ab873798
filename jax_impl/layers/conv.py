"""2-D convolution (cross-correlation): `nnx.Conv` with its padding worked out from the image."""

from flax import nnx
from jax import lax

from jax_impl.layers.padding import pads, pair


class Conv(nnx.Conv):
    def __init__(
        self,
        c_prev: int,
        c: int,
        f: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: str | int | tuple = "valid",
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        rngs: nnx.Rngs,
    ):
        if groups < 1 or c_prev % groups or c % groups:
            raise ValueError(f"groups is {groups}; expected a divisor of c_prev = {c_prev} and of c = {c}")
        super().__init__(
            c_prev,
            c,
            pair(f),
            pair(stride),
            padding=padding,
            kernel_dilation=pair(dilation),
            feature_group_count=groups,
            use_bias=bias,
            rngs=rngs,
        )

    def __call__(self, x):
        return self.correlate(x, self.kernel[...])

    def correlate(self, x, kernel):
        y = lax.conv_general_dilated(
            x,
            kernel,
            self.strides,
            pads(self.padding, self.kernel_size, self.strides, self.kernel_dilation, x.shape[1:3]),
            rhs_dilation=self.kernel_dilation,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=self.feature_group_count,
        )
        return y if self.bias is None else y + self.bias[...]
