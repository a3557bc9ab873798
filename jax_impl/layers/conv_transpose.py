"""Transposed convolution: `nnx.ConvTranspose` with `transpose_kernel`, without which it would flip the filter.

Flax pads the spread-out input where the notes crop the output, so padding p becomes f - 1 - p; what is added at the
bottom and right is the output padding.
"""

from flax import nnx

from jax_impl.layers.padding import border, pair


class ConvTranspose(nnx.ConvTranspose):
    def __init__(
        self,
        c_prev: int,
        c: int,
        f: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple = 0,
        output_padding: int | tuple[int, int] = 0,
        bias: bool = True,
        *,
        rngs: nnx.Rngs,
    ):
        if any(not 0 <= extra < s for extra, s in zip(pair(output_padding), pair(stride))):
            raise ValueError(
                f"output_padding is {output_padding}; expected less than the stride, {stride}, and not below 0"
            )
        sides = zip(pair(f), border(padding), pair(output_padding))
        super().__init__(
            c_prev,
            c,
            pair(f),
            pair(stride),
            padding=tuple((n - 1 - before, n - 1 - after + extra) for n, (before, after), extra in sides),
            use_bias=bias,
            transpose_kernel=True,
            rngs=rngs,
        )

    def __call__(self, x):
        y = super().__call__(x)
        if 0 in y.shape[1:3]:
            raise ValueError(f"padding leaves {y.shape[1]} x {y.shape[2]} pixels of the output; expected at least one")
        return y
