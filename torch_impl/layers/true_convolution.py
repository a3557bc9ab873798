"""Convolution in the sense of mathematics: the filter is flipped, then correlated."""

from torch_impl.layers.conv import Conv


class TrueConvolution(Conv):
    def forward(self, x):
        return self.correlate(x, self.weight.flip(2, 3))
