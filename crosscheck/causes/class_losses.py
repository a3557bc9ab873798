"""Cross entropy and its relatives: of scores and labels.

l = -log softmax(x)[y]          smoothed: (1 - e) l + e mean over classes of -log softmax(x)
J = sum w[y] l / sum w[y]
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.label_places import ALL, OWN, SOURCES, alignments, masked
from crosscheck.causes.losses import OPTAX, TORCH, More, between, floating, given, one, ways
from crosscheck.causes.site import Site
from crosscheck.causes.softmaxes import log_softmax, softmax
from crosscheck.causes.sources import sources
from crosscheck.causes.variant import Variant, family

CE = TORCH + "CrossEntropyLoss.html"

cause(
    "label-smoothing",
    "loss",
    "the labels are smoothed on one side, at another rate, or over the other classes only",
    "F.cross_entropy(label_smoothing=e): (1 - e) onehot + e / C",
    "optax.smooth_labels(onehot, e): the same; by hand often e / (C - 1) on the other classes",
    "label_smoothing=e",
    "optax.softmax_cross_entropy(x, optax.smooth_labels(onehot, e))",
    CE,
)
cause(
    "ce-ignore-index",
    "loss",
    "examples with the label to be ignored count on one side",
    "F.cross_entropy(ignore_index=-100): left out of the sum and of the number",
    "optax.softmax_cross_entropy_with_integer_labels: no such label; negative ones wrap around",
    "ignore_index=...",
    "m = y != -100; (loss(x, jnp.where(m, y, 0)) * m).sum() / m.sum()",
    CE,
)
cause(
    "ce-class-weights-mean",
    "loss",
    "the weighted mean is divided by the number of examples on one side, by the sum of their weights on the other",
    "F.cross_entropy(weight=w): sum w[y] l / sum w[y]",
    "(w[y] * loss).mean(): divided by n",
    "reduction='none', then .mean()",
    "(w[y] * loss).sum() / w[y].sum()",
    CE,
)
cause(
    "ce-class-weights-missing",
    "loss",
    "the classes are weighted on one side only",
    "F.cross_entropy(weight=w)",
    "w[y] * loss",
    "weight=w, or none",
    "w[y] * loss, or no weights",
    CE,
)
cause(
    "nll-loss-expects-logprob",
    "loss",
    "scores, probabilities and log-probabilities are taken for each other: a softmax too many or too few",
    "F.cross_entropy takes scores, F.nll_loss log-probabilities",
    "optax.softmax_cross_entropy takes scores",
    "F.cross_entropy(scores), without a softmax before",
    "optax.softmax_cross_entropy_with_integer_labels(scores, y), without a softmax before",
    TORCH + "NLLLoss.html",
)
cause(
    "hinge-margin-multiclass",
    "loss",
    "the hinge losses over several classes differ: sum over the wrong classes / C, or the worst of them",
    "F.multi_margin_loss: sum over j != y of max(0, 1 - x_y + x_j) / C",
    "optax.multiclass_hinge_loss: max over j of (x_j + [j != y]) - x_y",
    "by hand: (x + 1 - onehot).amax(-1) - x_y",
    "by hand: jnp.maximum(0, 1 - x_y + x_j) summed over j != y, / C",
    OPTAX,
)

SMOOTHINGS = (0.0, 0.1, 0.05, 0.2, 0.01, 0.15, 0.3)
IGNORED = (-100, -1, 0, 255)
SCORES, PROBABILITIES, LOGS = "cross entropy of scores", "of what is a softmax already", "minus the element itself"
LINEAR = "minus the log of the element"
between("nll-loss-expects-logprob", SCORES, PROBABILITIES, LOGS, LINEAR)
between("hinge-margin-multiclass", "hinge, all wrong classes / C", "hinge, the worst class")


def labelled(site: Site) -> Iterator[tuple[Array, Array]]:
    """Scores with their classes last, and whole-number labels."""
    labels = [y for y in sources(site, SOURCES) if y.dtype.kind in "iu" and y.ndim]
    for x, y in product(floating(site), labels):
        for axis in dict.fromkeys((x.ndim - 1, 1)):
            if x.ndim == y.ndim + 1 and x.shape[:axis] + x.shape[axis + 1 :] == y.shape:
                moved = np.moveaxis(x, axis, -1)
                if np.isin(y[(y < 0) | (y >= moved.shape[-1])], IGNORED).all():
                    yield moved, y


@family
def cross_entropies(site: Site) -> Iterator[Variant]:
    if not given(site):
        return
    for scores, labels in labelled(site):
        for place, x, y in alignments(scores, labels):
            inside = (y >= 0) & (y < x.shape[-1])
            for name, logs in logarithms(x).items():
                for rate, over in [(0.0, "C"), *product(SMOOTHINGS[1:], ("C", "C - 1"))]:
                    losses = smoothed(logs, np.where(inside, y, 0), rate, over)
                    smoothing = f"smoothed by {rate:g} over {over}" * (rate > 0), "label-smoothing"
                    more = (smoothing, (place, "loss-labels-shifted"))
                    if inside.all():
                        yield from ways(site, losses, name, "loss-other", (*more, (ALL, "ce-ignore-index")))
                    if name == SCORES:
                        yield from ignoring(site, losses, y, inside, more)
                        yield from masked(site, losses, labels.shape, place, name, more)
                    if name == SCORES and place == OWN:
                        yield from weighted(site, losses, y, x.shape[-1])


def logarithms(x: Array) -> dict[str, Array]:
    """log p, by what x is taken for."""
    found = {SCORES: log_softmax(x, -1), PROBABILITIES: log_softmax(softmax(x, -1), -1), LOGS: x}
    return found | ({LINEAR: np.log(x)} if (x > 0).all() else {})


def smoothed(logs: Array, y: Array, rate: float, over: str) -> Array:
    own = -np.take_along_axis(logs, y[..., None], -1)[..., 0]
    if not rate:
        return own
    total, classes = -logs.sum(-1), logs.shape[-1]
    if over == "C":
        return np.asarray((1 - rate) * own + rate / classes * total)
    return np.asarray((1 - rate) * own + rate / (classes - 1) * (total - own))


def ignoring(site: Site, losses: Array, y: Array, inside: Array, more: More) -> Iterator[Variant]:
    """Without the examples of one label; divided by their number, or by that of all."""
    for label in IGNORED:
        kept = (y != label) & inside
        if kept.all() or not kept.any() or (~inside & (y != label)).any():
            continue
        total = np.where(kept, losses, 0)
        for how, n in (("mean", kept.sum()), ("mean, divided by all", kept.size), ("sum", 1)):
            words, skip = f"{how} without label {label}", (f"without {label}, {how}", "ce-ignore-index")
            if site.first.shape == ():
                reduction = "the sum" if how == "sum" else "the mean"
                extra = ((reduction, "loss-reduction"), *more, skip)
                yield from one(site, np.asarray(total.sum() / n), words, SCORES, "loss-other", extra)
        extra = (("one loss each", "loss-reduction"), *more, (f"without {label}", "ce-ignore-index"))
        yield from one(site, total, f"0 where the label is {label}", SCORES, "loss-other", extra)


def weighted(site: Site, losses: Array, y: Array, classes: int) -> Iterator[Variant]:
    """By a weight for each class, from among the sources or the parameters around."""
    every = (*sources(site), *site.weights.values(), *site.buffers.values())
    for w in (w for w in every if w.shape == (classes,) and w.dtype.kind == "f" and (w >= 0).all()):
        each = w[np.clip(y, 0, classes - 1)]
        name, total = "weighted by class", each * losses
        for how, made in (
            ("divided by the sum of weights", total.sum() / each.sum()),
            ("divided by the number", total.mean()),
            ("summed", total.sum()),
        ):
            yield from one(site, np.asarray(made), f"{name}, {how}", f"{name}, {how}", "ce-class-weights-mean")


between("ce-class-weights-missing", SCORES, "weighted by class, divided by the sum of weights")
between("ce-class-weights-missing", SCORES, "weighted by class, divided by the number")
between("ce-class-weights-mean", *(f"weighted by class, divided by the {n}" for n in ("sum of weights", "number")))


@family
def hinges(site: Site) -> Iterator[Variant]:
    if not given(site):
        return
    for x, y in labelled(site):
        if ((y < 0) | (y >= x.shape[-1])).any():
            continue
        own = np.take_along_axis(x, y[..., None], -1)
        wrong = np.arange(x.shape[-1]) != y[..., None]
        every = np.where(wrong, np.maximum(0, 1 - own + x), 0).sum(-1) / x.shape[-1]
        yield from ways(site, every, "hinge, all wrong classes / C")
        yield from ways(site, (x + wrong).max(-1) - own[..., 0], "hinge, the worst class")
