"""Convolution in the sense of mathematics: the filter is flipped top to bottom and left to right, then correlated.

    Z = b + sum_{u, v, k} A_pad[m, s i + d (fh - 1 - u), s j + d (fw - 1 - v), k] W[u, v, k, n]

    dW is the correlation's, flipped back. Only this one is associative, (A * W1) * W2 = A * (W1 * W2), which signal
processing needs and networks do not. Source: Course 4, week 1, "Cross-correlation against convolution".
"""

from dataclasses import dataclass

from reference.layers.conv import Conv


@dataclass(frozen=True)
class TrueConvolution(Conv):
    def forward(self, p, A_prev):
        Z, back_correlation = super().forward({**p, "W": p["W"][::-1, ::-1]}, A_prev)

        def back(dZ, need_input=True):
            dp, dA_prev = back_correlation(dZ, need_input)
            return {**dp, "W": dp["W"][::-1, ::-1]}, dA_prev

        return Z, back
