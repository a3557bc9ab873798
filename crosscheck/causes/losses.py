"""What losses have in common: how the losses of single elements or examples become the one that is given.

J = mean, sum, or sum over the number of examples, of l(x, t)
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.reductions import axes_to
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, floats, near, sources
from crosscheck.causes.variant import BETWEEN, Variant

TORCH = "https://docs.pytorch.org/docs/stable/generated/torch.nn."
OPTAX = "https://optax.readthedocs.io/en/latest/api/losses.html"

cause(
    "loss-reduction",
    "loss",
    "the losses of single elements are put together differently: mean, sum, sum over the number of examples, or not",
    "F.cross_entropy, F.mse_loss, ...: reduction='mean' by default",
    "optax.softmax_cross_entropy, optax.squared_error, ...: no reduction",
    "reduction='none', 'sum' or 'mean', as JAX has it",
    ".mean() over all elements",
    OPTAX,
)
cause(
    "loss-other",
    "loss",
    "the losses are different functions",
    "F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.cross_entropy, ...",
    "optax.squared_error, optax.l2_loss, optax.huber_loss, ...",
    "use the loss that JAX has",
    "use the loss that torch has",
    OPTAX,
)

ELEMENTS, WORK = 4_000_000, 6_000_000
"""Of one source, and of all that are paired."""
More = tuple[tuple[str, str], ...]


def given(site: Site) -> bool:
    """Whether the value may be a loss: made of arrays without weights, with two axes at most."""
    return alone(site) and site.first.ndim <= 2 and site.first.dtype.kind == "f" and site.first.size > 0


def pairs(site: Site) -> list[tuple[Array, Array]]:
    """Sources of one shape, either way round, as many as are not too much work."""
    found = [x.astype(np.float64) for x in sources(site, 6) if x.size <= ELEMENTS and x.size >= site.first.size]
    every = [(a, b) for a in found for b in found if a is not b and a.shape == b.shape and a.ndim]
    return every[: max(2, min(12, WORK // max((a.size for a, _ in every), default=1)))]


def floating(site: Site) -> list[Array]:
    return [x for x in floats(site)[:6] if x.size <= ELEMENTS and x.ndim]


def reductions(losses: Array, shape: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    """The losses as they are, or their means and sums that have the shape."""
    if losses.shape == shape:
        yield "one loss each", losses
    for axes in axes_to(losses.shape, shape) if losses.ndim and losses.shape != shape else ():
        total = losses.sum(axes).reshape(shape)
        count = int(np.prod([losses.shape[i] for i in axes]))
        yield "the mean", total / count
        yield "the sum", total
        if 0 in axes and len(axes) > 1:
            yield "the sum over the number of examples", total / losses.shape[0]
            yield "the sum over examples of means", total / count * losses.shape[0]


def ways(
    site: Site,
    losses: Array,
    name: str,
    otherwise: str = "loss-other",
    more: More = (),
    reduction: str = "loss-reduction",
) -> Iterator[Variant]:
    """Variants by every reduction that may make either side; with what else was chosen."""
    for how, made in reductions(losses, site.first.shape):
        yield from one(site, made, f"{how} of {name}", name, otherwise, ((how, reduction), *more))


def one(site: Site, made: Array, words: str, choice: str, otherwise: str, more: More = ()) -> Iterator[Variant]:
    if any(side.shape == made.shape and near(made, side) for side in (site.first, site.second)):
        yield Variant((), words, partial(np.asarray, made), choice, otherwise, more)


def between(cause_id: str, *names: str) -> None:
    """Any two of these differ by the cause."""
    BETWEEN.update({frozenset((a, b)): cause_id for a in names for b in names if a != b})
