"""Constants that mean something: 1/sqrt(d), n/(n - 1), 1/(1 - p), a half; told from the number and the sizes around."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from math import isqrt, prod, sqrt

import numpy as np

from crosscheck.causes.catalogue import cause
from crosscheck.causes.changes import Change, changes, comparable
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone
from crosscheck.causes.variant import Variant, later

cause(
    "scale-sqrt-width",
    "wiring",
    "one side multiplies or divides by the square root of a width (attention's 1/sqrt(d), an embedding's sqrt(d))",
    "F.scaled_dot_product_attention divides by sqrt(d); an embedding is not scaled unless the model does it",
    "dot_product_attention divides by sqrt(d); T5's attention does not, and its tied logits are divided instead",
    "x * d**0.5 or x / d**0.5, as the other side has it",
    "x * d**0.5 or x / d**0.5, as the other side has it",
    "https://arxiv.org/abs/1706.03762",
)
cause(
    "scale-count",
    "wiring",
    "one side has the sum over a number of elements, the other the mean",
    "x.sum(dim)",
    "x.mean(axis)",
    "use mean on both sides or sum on both",
    "use mean on both sides or sum on both",
    "https://docs.pytorch.org/docs/stable/generated/torch.mean.html",
)
cause(
    "scale-unbiased",
    "wiring",
    "the sides differ by n/(n - 1): one divides by the number of elements, the other by one less",
    "torch.var, torch.std and torch.cov divide by n - 1",
    "jnp.var and jnp.std divide by n",
    "correction=0",
    "ddof=1",
    "https://docs.pytorch.org/docs/stable/generated/torch.var.html",
)
cause(
    "scale-dropout",
    "wiring",
    "the sides differ by 1 - p: one scales by the share that dropout keeps, the other does not",
    "nn.Dropout scales by 1/(1 - p) while training, and does nothing in evaluation",
    "Dropout scales by 1/(1 - rate) while training; nets written for the first dropout scale by 1 - p in evaluation",
    "take the factor out, or put it in where the weights were trained with it",
    "take the factor out, or put it in where the weights were trained with it",
    "https://jmlr.org/papers/v15/srivastava14a.html",
)
cause(
    "scale-constant",
    "wiring",
    "one side multiplies by a constant that the other does not have",
    "c x",
    "x, or another constant",
    "multiply by the constant that JAX has",
    "multiply by the constant that torch has",
    "https://docs.pytorch.org/docs/stable/generated/torch.mul.html",
)
cause(
    "sign-flipped",
    "wiring",
    "one side has the negative of the other",
    "x",
    "-x",
    "change the sign",
    "change the sign",
    "https://docs.pytorch.org/docs/stable/generated/torch.neg.html",
)

PLAIN = (
    2,
    0.5,
    10,
    0.1,
    100,
    0.01,
    255,
    1 / 255,
    3,
    1 / 3,
    4,
    0.25,
    sqrt(2),
    sqrt(0.5),
    1000,
    0.001,
    8,
    0.125,
    0.18215,
)
NEAR = 1e-9


def recognised(number: float, site: Site) -> tuple[str, str] | None:
    """What a factor of a value is, in words, and the cause for it; None for 1 and for what means nothing."""
    if abs(number - 1) < NEAR:
        return None
    for value, words, cause_ in known(site):
        if abs(number - value) <= NEAR * abs(value):
            return words, cause_
    return None


def known(site: Site) -> Iterator[tuple[float, str, str]]:
    """Constants, the most telling first."""
    yield -1.0, "-1", "sign-flipped"
    shapes = [x.shape for x in (site.first, *site.inputs)]
    sizes = sorted({n for shape in shapes for n in counts(shape) if n > 1})
    for n in widths(shapes):
        yield sqrt(n), f"sqrt({n})", "scale-sqrt-width"
        yield 1 / sqrt(n), f"1/sqrt({n})", "scale-sqrt-width"
    sizes = [n for n in sizes if n > 2]  # of two, a half tells nothing of a size
    for n in sizes:
        for power in (1, 0.5):
            yield (n / (n - 1)) ** power, f"({n}/{n - 1})" + "^0.5" * (power < 1), "scale-unbiased"
            yield ((n - 1) / n) ** power, f"({n - 1}/{n})" + "^0.5" * (power < 1), "scale-unbiased"
    for n in sizes:
        if any(may_be_summed(x.shape, site.first.shape, n) for x in site.inputs):
            yield float(n), f"{n}", "scale-count"
            yield 1 / n, f"1/{n}", "scale-count"
    for value in PLAIN:
        yield value, f"{value:.6g}", "scale-constant"
    for p in rates(site):
        yield 1 - p, f"1 - {p:g}", "scale-dropout"
        yield 1 / (1 - p), f"1/(1 - {p:g})", "scale-dropout"


def widths(shapes: Iterable[tuple[int, ...]]) -> list[int]:
    """Sizes of axes but for the examples', and of several as one where the root is no whole number, which would be a
    plain constant more likely."""
    own = [shape[len(shape) > 1 :] for shape in shapes]
    alone = {n for shape in own for n in shape}
    several = {n for shape in own for n in counts(shape) if isqrt(n) ** 2 != n}
    return sorted(n for n in alone | several if n > 1)


def may_be_summed(shape: tuple[int, ...], given: tuple[int, ...], n: int) -> bool:
    """Whether what is given may be a sum over axes of so many elements, or more."""
    left = Counter(m for m in shape if m > 1)
    left.subtract(m for m in given if m > 1)
    return min(left.values(), default=0) >= 0 and prod(left.elements()) % n == 0


def rates(site: Site) -> list[float]:
    """The rates of dropout that either side is told."""
    told = {name: value for side in site.sides for name, value in side.config.items() if isinstance(value, float)}
    named = [value for name, value in told.items() if name in ("p", "rate") or "drop" in name]
    return [value for value in named if 0 < value < 1]


def counts(shape: tuple[int, ...]) -> set[int]:
    """The sizes of a shape, and how many elements several neighbouring axes have together."""
    return {prod(shape[i:j]) for i in range(len(shape)) for j in range(i + 1, len(shape) + 1)}


@later
def scaled(site: Site) -> Iterator[Variant]:
    """One side is the other times a constant, or plus one."""
    if not alone(site) or not comparable(site) or site.first.dtype.kind != "f" or np.ptp(site.first) == 0:
        return
    yield from changes(site, [*factors(site), *offsets(site)])


def factors(site: Site) -> Iterator[Change]:
    ratio = float(np.vdot(site.first, site.second) / (np.vdot(site.first, site.first) or 1.0))
    if np.isfinite(ratio) and ratio:
        for factor in (ratio, 1 / ratio):
            words, cause_ = recognised(factor, site) or (f"{factor:.10g}", "scale-constant")
            yield Change(cause_, f"times {words}", partial(np.multiply, factor))


def offsets(site: Site) -> Iterator[Change]:
    offset = float((site.second - site.first).mean())
    if np.isfinite(offset) and site.first.size > 2:
        for shift in (offset, -offset):
            yield Change("offset-constant", f"plus {shift:.10g}", partial(np.add, shift))
