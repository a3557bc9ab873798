"""Values summed up by weights that a softmax makes of one score each: additive attention, and that of a single query.

y[n d] = sum_t a[n t] v[n t d],   a = softmax over t of e[n t]
e[n t] = w . tanh(W q[n] + U k[n t]) (Bahdanau), q[n] . k[n t] (Luong)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import NamedTuple

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.attention import USES
from crosscheck.causes.catalogue import cause
from crosscheck.causes.functions import MAIN, NONE, SIGMOID, TANH
from crosscheck.causes.options import Axis, also_coarse, departures, search, settings
from crosscheck.causes.score_terms import marks, may_mask
from crosscheck.causes.site import Site
from crosscheck.causes.softmaxes import softmax
from crosscheck.causes.sources import alone, distinct
from crosscheck.causes.variant import BETWEEN, Source, Variant, family, of

cause(
    "attention-for-mean",
    "attention",
    "one side weighs values by a softmax of their scores, the other takes their mean",
    "torch.bmm(F.softmax(scores, -1)[:, None], values)",
    "jnp.einsum('nt,ntd->nd', jax.nn.softmax(scores), values)",
    "weigh as JAX does, or take the mean",
    "weigh as torch does, or take the mean",
    "https://arxiv.org/abs/1409.0473",
)

MOST, SCORES, WIDTHS, MASKS = 3, 4, 4, 2
ONES, EVEN = "softmax over an axis of one element: all weights 1", "the plain mean"
UNSCORED = {ONES, EVEN}
FILLED = {f"kept, {fill:g}": f"True is attended to, {fill:g} for the other scores" for fill in (0.0, 1e-9, 1e-10)}
AFTER = "True is what is kept of the weights"
USED = {name: USES[name] for name in ("unused", "kept", "left out")} | FILLED | {"after": AFTER}
BETWEEN.update({frozenset((USES["unused"], says)): "attention-mask-missing" for says in (*FILLED.values(), AFTER)})
BETWEEN[frozenset((USES["kept"], AFTER))] = "attention-mask-after-softmax"
FUNCTIONS = (TANH, "relu(x)", "leaky relu, slope 0.2", "leaky relu, slope 0.01")


class Value(NamedTuple):
    array: Array
    words: str


@family
def summed_up(site: Site) -> Iterator[Variant]:
    """Of the nearest values, by the nearest scores."""
    shape = site.first.shape
    single = len(shape) == 2 or (len(shape) == 3 and shape[1] == 1)
    if not alone(site) or site.second.shape != shape or site.first.dtype.kind != "f" or not single:
        return
    for values in islice(sequences(site, shape[0], shape[-1]), MOST):
        scores = scores_of(site, *values.array.shape[:2])
        if scores:
            sum_ = Sum(site, values, scores)
            found = search(site, sum_.axes(), sum_.make, sum_.small(), "the mean of values by a softmax", most=1)
            scored = list(found)
            if any(UNSCORED.isdisjoint(variant.says.split(", ")) for variant in scored):
                yield from of(Source(values.words, values.array), also_coarse(scored))


def nearest(site: Site) -> list[Array]:
    """What the value may be made of; what modules of one model alone give comes last."""
    values = (*reversed(site.inputs), *reversed(site.given))
    return distinct(x for x in values if x.dtype.kind == "f")


def sequences(site: Site, n: int, d: int = 0) -> Iterator[Value]:
    """Sources as n t d, of any d if none is told."""
    for place, x in enumerate(x for x in nearest(site) if x.ndim == 3):
        for y in (x, np.swapaxes(x, 0, 1)):
            if len(y) == n and y.shape[1] > 1 and y.shape[2] == (d or y.shape[2]):
                yield Value(y, site.name_of(x) or f"value {place}")


def scores_of(site: Site, n: int, t: int) -> list[Value]:
    """Sources of one number for each position, and products of a vector with each position's: the nearest of both."""
    singles, vectors = [], []
    for place, x in enumerate(nearest(site)):
        words = site.name_of(x) or f"value {place}"
        if x.size == n * t and (len(x) == n or x.shape == (t, n)):
            singles.append(Value(x.T if x.shape == (t, n) != (n, t) else x.reshape(n, t), words))
        if n in x.shape[:-1] and x.size == n * x.shape[-1]:
            vectors.append(Value(x.reshape(n, -1), words))
    keys = [key for key in sequences(site, n) if key.array.shape[1] == t]
    pairs = ((q, k) for q in vectors for k in keys if q.array.shape[1] == k.array.shape[2])
    products = (Value(np.einsum("nd,ntd->nt", q.array, k.array), f"{q.words} . {k.words}") for q, k in pairs)
    return [*singles[:SCORES], *islice(products, SCORES)]


def masks_of(site: Site, n: int, t: int) -> list[Array]:
    """What marks positions: masks, and indices that are not 0."""
    found = []
    for x in (*site.inputs, *site.given):
        if x.size == n * t and len(x) == n and (x.dtype.kind in "biu" or may_mask(x)):
            kept = marks(x.reshape(n, t))
            if kept.dtype.kind != "f":
                found.append(kept != 0)
    return [mask for mask in distinct(found) if not mask.all()][:MASKS]


class Sum:
    """Makes the site's value under a choice of conventions, for all examples or for the one that differs most."""

    def __init__(self, site: Site, values: Value, scores: list[Value]):
        self.site, self.values, self.scores = site, values.array, scores
        self.n, self.t = self.values.shape[:2]
        self.masks = masks_of(site, self.n, self.t)
        apart = np.abs(site.first - site.second).reshape(self.n, -1)
        self.example = int(np.nan_to_num(apart, nan=np.inf).max(1).argmax())

    def small(self) -> Site:
        return replace(self.site, first=self.one(self.site.first), second=self.one(self.site.second))

    def one(self, x: Array) -> Array:
        return x[self.example : self.example + 1]

    def axes(self) -> Iterator[Axis]:
        yield settings(
            "of", range(len(self.scores)), lambda i: f"scores: {self.scores[i].words}", "value-from-elsewhere"
        )
        widths = dict.fromkeys(x.shape[-1] for x in nearest(self.site) if x.shape[-1] > 1)
        divisors = [1.0, *chain.from_iterable((k**0.5, float(k)) for k in list(widths)[:WIDTHS])]
        yield settings("divisor", divisors, "scores / {:.4g}".format, "attention-scale")
        for place in range(len(self.masks)):
            yield settings(f"mask{place}", list(USED), USED.__getitem__, "mask-fill-value")
        ways = ["uniform", "zero", "NaN"] if any(not mask.any(1).all() for mask in self.masks) else ["uniform"]
        yield settings("empty", ways, "{} where all is masked".format, "attention-fully-masked-row")
        yield departures(
            "function", NONE, *((name, f"{name} of the scores", "activation-missing") for name in FUNCTIONS)
        )
        yield departures(
            "axis",
            "positions",
            ("examples", "softmax over the examples", "softmax-axis"),
            ("one", ONES, "softmax-axis"),
            ("even", EVEN, "attention-for-mean"),
            ("none", "the scores themselves for weights", "softmax-missing"),
            ("sigmoid", f"{SIGMOID} of the scores for weights", "sigmoid-for-softmax"),
        )

    def make(self, at: Site, of: int, divisor: float, empty: str, function: str, axis: str, **uses: str) -> Array:
        e = np.zeros((self.n, self.t)) if axis == "even" else MAIN[function](self.scores[of].array / divisor)
        if axis != "even" and not np.ptp(e):
            raise ValueError("scores that are all alike are no scores")
        after = np.ones_like(e)
        for place, mask in enumerate(self.masks):
            use = uses[f"mask{place}"]
            fill = float(use.partition(", ")[2] or (-1e9 if axis == "none" else -np.inf))
            if use == "after":
                after = after * mask
            elif use != "unused":
                e = np.where(mask if use.startswith("kept") else ~mask, e, fill)
        a = weights(e, axis, empty) * after
        values = self.values
        if at is not self.site:
            a, values = self.one(a), self.one(values)
        return np.asarray(np.einsum("nt,ntd->nd", a, values).reshape(at.first.shape))


def weights(e: Array, axis: str, empty: str) -> Array:
    if axis == "examples":
        return softmax(e, 0)
    if axis not in ("positions", "even"):
        return e if axis == "none" else MAIN[SIGMOID](e) if axis == "sigmoid" else np.ones_like(e)
    none = np.isneginf(e).all(1, keepdims=True)
    instead = {"uniform": 1 / e.shape[1], "zero": 0.0, "NaN": np.nan}[empty]
    return np.where(none, instead, softmax(np.where(none, 0.0, e), 1))
