"""Flatten: each image becomes one column of numbers.

    A = A_prev [m h w c] as [(h w c) m]                                        dA_prev: the same numbers, put back

The order is a convention that the next dense layer's weights share: (h w c) here, in the course and in Flax; (c h w)
in PyTorch, whose images are m c h w. Source: Course 1, week 2, "Vectorizing an image".
"""

from dataclasses import dataclass

from reference.checks import images
from reference.module import Layer


@dataclass(frozen=True)
class Flatten(Layer):
    def forward(self, p, A_prev):
        images("A_prev", A_prev, integers=True)

        def back(dA):
            return {}, dA.T.reshape(A_prev.shape)

        return A_prev.reshape(A_prev.shape[0], -1).T, back
