"""Convolution in the sense of mathematics: the filter is flipped, then correlated."""

from jax_impl.layers.conv import Conv


class TrueConvolution(Conv):
    def __call__(self, x):
        return self.correlate(x, self.kernel[::-1, ::-1])
