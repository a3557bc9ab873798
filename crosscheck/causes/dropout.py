"""Dropout: whether it is on, at what rate, how what is kept is scaled, and what is dropped together.

Y = X mask / (1 - p)          mask 0 with probability p
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.changes import comparable
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alike, alone, part
from crosscheck.causes.variant import Variant, family

TORCH = "https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html"
FLAX = "https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/stochastic.html"

cause(
    "dropout-eval-flag",
    "dropout",
    "one side drops elements, the other does not: it is in evaluation mode",
    "model.eval() turns every nn.Dropout off; F.dropout(x) stays on unless training=False is handed over",
    "nnx.Dropout is on until model.eval(); linen's needs deterministic=True",
    "model.eval(), and F.dropout(x, p, self.training)",
    "model.eval(), or deterministic=True",
    FLAX,
)
cause(
    "dropout-rate",
    "dropout",
    "the rates of dropout differ",
    "nn.Dropout(p): p is the probability to drop",
    "nnx.Dropout(rate): the probability to drop",
    "p = rate",
    "rate = p",
    TORCH,
)
cause(
    "dropout-rate-is-drop-probability",
    "dropout",
    "one side takes the probability to keep for the probability to drop",
    "nn.Dropout(p): p is the probability to drop",
    "jax.random.bernoulli(key, p): p is the probability to keep; keep_prob in TensorFlow 1",
    "nn.Dropout(1 - keep)",
    "nnx.Dropout(1 - keep), bernoulli(key, 1 - rate)",
    TORCH,
)
cause(
    "dropout-not-scaled",
    "dropout",
    "what is kept is scaled by 1/(1 - p) on one side only",
    "nn.Dropout: x mask / (1 - p)",
    "nnx.Dropout: x mask / (1 - rate); a mask by hand may lack the division",
    "x * mask / (1 - p)",
    "jnp.where(mask, x / (1 - rate), 0)",
    "https://jmlr.org/papers/v15/srivastava14a.html",
)
cause(
    "dropout-spatial",
    "dropout",
    "whole channels (or rows) are dropped on one side, single elements on the other",
    "nn.Dropout2d drops channels, nn.Dropout elements",
    "nnx.Dropout(rate, broadcast_dims=(1, 2)) drops channels of n h w c",
    "nn.Dropout2d(p)",
    "broadcast_dims=(1, 2)",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout2d.html",
)
cause(
    "rng-streams-incompatible",
    "dropout",
    "both sides drop at the same rate, but different elements: no seed makes the generators agree",
    "Mersenne Twister or Philox",
    "threefry, with keys",
    "draw the mask once and hand it to both",
    "draw the mask once and hand it to both",
    "https://docs.jax.dev/en/latest/random-numbers.html",
)


@dataclass(frozen=True, eq=False)
class Drop:
    """kept: where; factor: by which what is kept is multiplied; whole: the axes along which the mask is constant."""

    kept: Array
    factor: float

    @property
    def rate(self) -> float:
        return 1 - 1 / self.factor

    @property
    def whole(self) -> tuple[int, ...]:
        axes = range(1, self.kept.ndim)
        return tuple(i for i in axes if (self.kept == self.kept.take([0], i)).all())

    def make(self, x: Array) -> Array:
        return np.where(self.kept, x * self.factor, 0)


@family
def dropped(site: Site) -> Iterator[Variant]:
    """Both sides as a source of which some elements are dropped; or as that source itself, if no other source does:
    a side that drops is a source too, of which nothing is dropped."""
    if not alone(site) or not comparable(site) or site.first.dtype.kind != "f":
        return
    found: list[tuple[str, Array, Drop, Drop]] = []
    for x in alike(site):
        mine, theirs = (drop(x, side) for side in (site.first, site.second))
        if mine and theirs and (why := reason(mine, theirs)):
            found.append((why, x, mine, theirs))
    both = [row for row in found if row[0] != "dropout-eval-flag"]
    for place, (why, x, *drops) in enumerate(both or found):
        for which, made in zip(("first", "second"), drops):
            yield Variant((), words(made), partial(made.make, x), f"{which} of {place}", why)


def drop(x: Array, side: Array) -> Drop | None:
    """How a side is x with elements dropped."""
    some, of = part(side), part(x)
    if len(np.unique(np.round((some / of)[(some != 0) & (of != 0)], 6))) != 1:
        return None
    there = x != 0
    kept = (side != 0) | ~there
    if not kept[there].any() or (there.sum() < 8 or not np.isfinite(side).all()):
        return None
    ratios = side[there & kept] / x[there & kept]
    factor = float(np.median(ratios))
    if factor < 1 - 1e-9 or np.abs(ratios - factor).max() > 1e-9 * factor or np.array_equal(kept[there], x[there] > 0):
        return None
    return Drop(kept, factor)


def words(found: Drop | None) -> str:
    if found is None or found.kept.all():
        return "nothing dropped"
    return f"{1 - found.kept.mean():.0%} dropped, the rest times {found.factor:.6g}"


def reason(a: Drop, b: Drop) -> str:
    """Why two sides with something dropped differ; "" if neither is a dropout without doubt: relu and masks leave
    zeros too, but what they keep is as it was."""
    scaled = [d for d in (a, b) if d.factor > 1 + 1e-9 and not d.kept.all()]
    other = [d for d in (a, b) if d not in scaled]
    if not scaled:
        return ""
    if other and other[0].kept.all():
        return "dropout-eval-flag" if abs(other[0].factor - 1) < 1e-9 else ""
    if np.array_equal(a.kept, b.kept):
        return "dropout-not-scaled" if other else "dropout-rate"
    if other:
        return ""
    if a.whole != b.whole:
        return "dropout-spatial"
    if abs(a.rate + b.rate - 1) < 1e-9 < abs(a.rate - b.rate):
        return "dropout-rate-is-drop-probability"
    return "dropout-rate" if abs(a.rate - b.rate) > 1e-9 else "rng-streams-incompatible"
