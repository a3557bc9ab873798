"""Of a sequence's losses which label belongs to which place, and which places count.

next place    l[n, t] = loss(x[n, t], y[n, t + 1])      a language model's
masked        J = sum m l / sum m
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.losses import OPTAX, TORCH, More, between, one
from crosscheck.causes.site import Site
from crosscheck.causes.sources import sources
from crosscheck.causes.variant import Variant

cause(
    "loss-labels-shifted",
    "loss",
    "a place of a sequence is given the next place's label on one side, its own (or fewer places count) on the other",
    "F.cross_entropy(x[:, :-1].flatten(0, 1), y[:, 1:].flatten())",
    "optax.softmax_cross_entropy_with_integer_labels(x[:, :-1], y[:, 1:])",
    "shift where JAX does: x[:, :-1] with y[:, 1:], or x with y",
    "shift where torch does: x[:, :-1] with y[:, 1:], or x with y",
    TORCH + "CrossEntropyLoss.html",
)
cause(
    "loss-mask-missing",
    "loss",
    "a mask leaves places out of the loss on one side only",
    "(loss * mask).sum() / mask.sum(), or ignore_index",
    "(loss * mask).sum() / mask.sum()",
    "multiply each loss by the mask, or leave it out",
    "multiply each loss by the mask, or leave it out",
    OPTAX,
)
cause(
    "loss-mask-mean",
    "loss",
    "the masked losses are divided by the number of all places on one side, by those that count on the other",
    "(loss * mask).sum() / mask.sum()",
    "(loss * mask).mean(): divided by all",
    "(loss * mask).mean()",
    "(loss * mask).sum() / mask.sum()",
    OPTAX,
)

OWN, NEXT, SHORT, LATE = "each its own label", "each the next one's label", "all but the last", "all but the first"
PLACES = {
    OWN: (slice(None), slice(None)),
    NEXT: (slice(None, -1), slice(1, None)),
    SHORT: (slice(None, -1), slice(None, -1)),
    LATE: (slice(1, None), slice(1, None)),
}
"""Which places of the scores go with which of the labels."""
ALL, KEPT, DIVIDED = "all", "those that a mask keeps", "those that a mask keeps, divided by the number of all"
SUMMED = "those that a mask keeps, summed"
SOURCES = 16
"""Labels and masks are inputs, so of all that a loss may be made of what came first."""
between("loss-mask-missing", ALL, KEPT)
between("loss-mask-missing", ALL, DIVIDED)
between("loss-mask-missing", ALL, SUMMED)
between("loss-mask-mean", KEPT, DIVIDED)


def alignments(x: Array, y: Array) -> Iterator[tuple[str, Array, Array]]:
    """Scores [n t c] with the labels [n t] that they are judged by; what is no sequence as it is."""
    for name, (scores, labels) in PLACES.items():
        if name == OWN or (y.ndim == 2 and y.shape[1] > 1):
            yield name, x[:, scores] if name != OWN else x, y[:, labels] if name != OWN else y


def masked(site: Site, losses: Array, shape: tuple[int, ...], place: str, name: str, more: More) -> Iterator[Variant]:
    """The mean over the places whose labels a mask keeps, one number in all."""
    if site.first.shape != ():
        return
    for mask in masks(site, shape):
        m = mask if place == OWN else mask[:, PLACES[place][1]]
        total = (losses * m).sum()
        for kept, how, made in (
            (KEPT, "the mean", total / m.sum()),
            (DIVIDED, "the mean", total / m.size),
            (SUMMED, "the sum", total),
        ):
            extra = ((how, "loss-reduction"), *more, (kept, "loss-mask-missing"))
            yield from one(site, np.asarray(made), f"{how} of {name}, {kept}", name, "loss-other", extra)


def masks(site: Site, shape: tuple[int, ...]) -> list[Array]:
    """Sources of this shape that are one and zero, both."""
    found = [x for x in sources(site, SOURCES) if x.shape == shape]
    return [x.astype(np.float64) for x in found if set(np.unique(x).tolist()) == {0, 1}]
