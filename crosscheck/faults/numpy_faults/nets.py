"""Mistakes between the reference's sound layers, forward and backward."""

from __future__ import annotations

from typing import Any

from crosscheck.faults.catalogue import Site, rows

DEEP, BLOCK = "nets.deep_net.DeepNet", "nets.deep_net.DenseBlock"

row = rows("numpy", "chain", bites="gradient")


def backwards_halved(apply: Any) -> Any:
    """A net that halves the gradient on its way to its first layer."""

    def faulty(self: Any, p: Any, s: Any, A: Any, *, mode: Any) -> Any:
        Y, s, back = apply(self, p, s, A, mode=mode)

        def halved(dY: Any) -> Any:
            dp, dA = back(dY)
            return dp, dA / 2

        return Y, s, halved

    return faulty


def last_bias_twice(apply: Any) -> Any:
    """A chain that adds 1 to its output."""

    def faulty(self: Any, p: Any, s: Any, A: Any, *, mode: Any) -> Any:
        Y, s, back = apply(self, p, s, A, mode=mode)
        return Y + 1, s, back

    return faulty


def out_of_order(parts: Any) -> Any:
    """A block whose norm comes last."""

    def faulty(self: Any) -> Any:
        sound = parts.func(self)
        return {name: sound[name] for name in sorted(sound, key=lambda name: name == "norm")}

    return property(faulty)


FAULTS = [
    row(
        "gradient by the input halved",
        backwards_halved,
        Site(DEEP),
        where="reference.nets.deep_net:DeepNet.apply",
    ),
    row(
        "gradient by a block's input halved",
        backwards_halved,
        Site(BLOCK),
        Site(DEEP, "layers.1"),
        where="reference.nets.deep_net:DenseBlock.apply",
        only=lambda self: self.n in (5, 7),
    ),
    row(
        "one added to the output",
        last_bias_twice,
        Site(DEEP),
        where="reference.nets.deep_net:DeepNet.apply",
        bites="wiring",
    ),
    row(
        "norm after activation and dropout",
        out_of_order,
        Site(BLOCK + "/norm-dropout"),
        where="reference.nets.deep_net:DenseBlock.parts",
        bites="wiring",
        evidence=("transformer-norm-first",),
    ),
]
