"""Mistakes in how the reference's parts are wired: residual sums and concatenations, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from crosscheck.faults.catalogue import Replacement, Site, rows

BLOCK = "nets.residual_blocks.IdentityBlock"

residual = rows("numpy", "residual sum", where="reference.combinators:Residual.apply", bites="gradient")
concatenated = rows("numpy", "concatenation", where="reference.combinators:Concatenate.apply", bites="gradient")


def module(
    Y: Callable[[Any, Any], Any] = lambda Y, X: Y,
    dX: Callable[[Any, Any, Any], Any] = lambda dX, dY, Y: dX,
    before: Callable[[Any], Any] = lambda dY: dY,
) -> Replacement:
    """A module with another output Y(Y, X), another dX(dX, dY, Y), or a pullback that is given before(dY)."""

    def replacement(apply: Any) -> Any:
        def faulty(self: Any, p: Any, s: Any, X: Any, *, mode: Any) -> Any:
            out, s, sound_back = apply(self, p, s, X, mode=mode)

            def back(dY: Any) -> Any:
                dp, sound = sound_back(before(dY))
                return dp, dX(sound, dY, out)

            return Y(out, X), s, back

        return faulty

    return replacement


FAULTS = [
    residual(
        "gradient of the shortcut forgotten",
        module(dX=lambda dX, dY, Y: dX - dY * (Y > 0)),
        Site(BLOCK),
        evidence=("detach-becomes-differentiated",),
    ),
    residual("gradient of the shortcut counted twice", module(dX=lambda dX, dY, Y: dX + dY * (Y > 0)), Site(BLOCK)),
    residual(
        "shortcut of the wrong sign",
        module(Y=lambda Y, X: np.where(Y > 0, Y - 2 * X, Y)),
        Site(BLOCK),
        bites="wiring",
    ),
    concatenated(
        "gradients of the branches' slices in the opposite order",
        module(before=lambda dY: dY[..., ::-1]),
        Site("nets.inception.Inception"),
        evidence=("channel-split-axis",),
    ),
    concatenated(
        "channels in the opposite order",
        module(Y=lambda Y, X: Y[..., ::-1]),
        Site("nets.inception.Inception"),
        bites="wiring",
        evidence=("channel-split-axis",),
    ),
]
