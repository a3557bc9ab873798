"""A small YOLO: a residual backbone, and heads at two scales.

    ConvUnit       conv -> batch norm -> leaky relu of slope 0.1
    DarknetBlock   A = X + expand(reduce(X)): 1x1 to half the channels and 3x3 back, no activation after the sum
    stage          ConvUnit 3x3/2, then blocks

    fine     the stem and all stages but the last                       A = fine(X)
    coarse   the last stage, at half the resolution                     D = coarse(A)
    heads    Z_coarse = coarse_head(widen(D))
             Z_fine = fine_head(merge([A, up(lateral(D))]))             a deep look at what is still sharp
    Yolo     [Z_fine, Z_coarse], each m h w (a (5 + k)) as m (h w a) (5 + k): the slots' order (anchors.py)

With n stages the strides are 2^(n-1) and 2^n. `boxes` is the number of anchors a cell has at each scale, `widths` are
the channels of the stem and of each stage, `blocks` the residual blocks of a stage.
Sources: Course 4, week 3, "YOLO algorithm"; Redmon & Farhadi 2018, sections 2.3 and 2.4.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain, pairwise

import numpy as np

from reference.checks import images
from reference.combinators import Residual, Wiring
from reference.layers.activations import leaky_relu
from reference.layers.batch_norm_2d import BatchNorm2d
from reference.layers.conv import Conv
from reference.layers.upsampling import Upsample
from reference.module import Chain, Module, Sequence


@dataclass(frozen=True)
class ConvUnit(Chain):
    c_prev: int
    c: int
    f: int = 3
    stride: int = 1

    @cached_property
    def parts(self):
        return {
            "conv": Conv(self.c_prev, self.c, self.f, self.stride, padding=self.f // 2, bias=False),
            "bn": BatchNorm2d(self.c),
            "activation": partial(leaky_relu, slope=0.1),
        }


@dataclass(frozen=True)
class DarknetBlock(Residual):
    c: int

    activation = "linear"

    @cached_property
    def parts(self):
        return {"reduce": ConvUnit(self.c, self.c // 2, 1), "expand": ConvUnit(self.c // 2, self.c)}


def stage(c_prev, c, blocks):
    return [ConvUnit(c_prev, c, stride=2), *(DarknetBlock(c) for _ in range(blocks))]


@dataclass(frozen=True)
class Yolo(Module):
    num_classes: int
    boxes: int = 2
    widths: tuple[int, ...] = (16, 32, 64, 128, 256)
    blocks: int = 1
    c_prev: int = 3

    @property
    def stride(self):
        return 2 ** (len(self.widths) - 1)

    @cached_property
    def parts(self):
        *_, c_fine, c = self.widths
        stages = [stage(*pair, self.blocks) for pair in pairwise(self.widths)]
        numbers = self.boxes * (5 + self.num_classes)
        return {
            "fine": Sequence(ConvUnit(self.c_prev, self.widths[0]), *chain(*stages[:-1])),
            "coarse": Sequence(*stages[-1]),
            "widen": ConvUnit(c, c),
            "coarse_head": Conv(c, numbers, 1),
            "lateral": ConvUnit(c, c_fine, 1),
            "up": Upsample(2),
            "merge": ConvUnit(2 * c_fine, c_fine),
            "fine_head": Conv(c_fine, numbers, 1),
        }

    def apply(self, p, s, X, *, mode):
        images("X", X, self.c_prev)
        if any(n % self.stride for n in X.shape[1:3]):
            raise ValueError(f"X has shape {X.shape}; expected a height and width divisible by {self.stride}")
        run = Wiring(self, p, s, mode)
        A, back_fine = run("fine", X)
        D, back_coarse = run("coarse", A)
        Z_coarse, back_coarse_head = run.chain(["widen", "coarse_head"], D)
        U, back_up = run.chain(["lateral", "up"], D)
        Z_fine, back_fine_head = run.chain(["merge", "fine_head"], np.concatenate([A, U], axis=-1))
        Y_fine, Y_coarse = self.rows(Z_fine), self.rows(Z_coarse)
        count, c_fine = Y_fine.shape[1], A.shape[3]

        def back(dY):
            dp = {}
            dAU = back_fine_head(dp, dY[:, :count].reshape(Z_fine.shape))
            dD = back_up(dp, dAU[..., c_fine:])
            dD = dD + back_coarse_head(dp, dY[:, count:].reshape(Z_coarse.shape))
            return dp, back_fine(dp, dAU[..., :c_fine] + back_coarse(dp, dD))

        return np.concatenate([Y_fine, Y_coarse], axis=1), run.state, back

    def rows(self, Z):
        """[m h w (a v)] as [m (h w a) v]"""
        return Z.reshape(len(Z), -1, 5 + self.num_classes)
