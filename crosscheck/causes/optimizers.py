"""Optimizers: by how much a few steps change a parameter. A site's inputs are the parameter, then a gradient each step.

The sites' settings ("lr", "momentum", "betas", "eps", "weight_decay", ...) are those that either side is known to have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.changes import Change, changes
from crosscheck.causes.options import Axis, Option, departures, search, settings
from crosscheck.causes.site import Site
from crosscheck.causes.square_rules import adagrad_way, numbers, of_adagrad, of_rmsprop
from crosscheck.causes.update_rules import adam, rmsprop, sgd
from crosscheck.causes.variant import BETWEEN, Variant, family, later

TORCH = "https://docs.pytorch.org/docs/stable/generated/torch.optim."
OPTAX = "https://optax.readthedocs.io/en/latest/api/optimizers.html"
ISSUES = "https://github.com/google-deepmind/optax/issues/"

cause(
    "optimizer-learning-rate",
    "optimizer",
    "the steps are a multiple of the other side's: another learning rate, or a sum of gradients for a mean",
    "SGD(params, lr)",
    "optax.sgd(learning_rate); optax.MultiSteps takes the mean of the gradients",
    "lr=..., as JAX has it",
    "learning_rate=..., as torch has it",
    OPTAX,
)
cause(
    "optimizer-ascends",
    "optimizer",
    "one side goes up the gradient",
    "maximize=False",
    "optax.adadelta() and optax.scale_by_*: no learning rate, so no change of sign",
    "maximize=True",
    "optax.adadelta(1.0), optax.scale_by_learning_rate(lr)",
    ISSUES + "1242",
)
cause(
    "optimizer-other",
    "optimizer",
    "the parameter is updated by different rules",
    "SGD, Adam, AdamW, RMSprop, Adagrad",
    "optax.sgd, optax.adam, optax.adamw, optax.rmsprop, optax.adagrad",
    "use the optimizer that JAX has",
    "use the optimizer that torch has",
    OPTAX,
)
cause(
    "sgd-momentum-vs-ema",
    "optimizer",
    "the velocity is a sum on one side, a mean (1 - mu) g on the other: steps are 1/(1 - mu) times as long",
    "SGD: v <- mu v + g",
    "optax.sgd, optax.trace: v <- mu v + g; optax.ema: v <- mu v + (1 - mu) g",
    "lr * (1 - mu) and dampening=mu",
    "optax.sgd(lr, momentum=mu)",
    TORCH + "SGD.html",
)
cause(
    "sgd-dampening",
    "optimizer",
    "gradients after the first are damped on one side",
    "SGD(dampening=d): v <- mu v + (1 - d) g, the first v = g",
    "optax.sgd: no dampening",
    "dampening=0",
    "optax.trace of g (1 - d), but for the first step",
    TORCH + "SGD.html",
)
cause(
    "sgd-momentum-value",
    "optimizer",
    "the momentums differ, or one side has none",
    "SGD(momentum=0)",
    "optax.sgd(momentum=None)",
    "momentum=mu",
    "momentum=mu",
    TORCH + "SGD.html",
)
cause(
    "sgd-nesterov-form",
    "optimizer",
    "one side looks ahead (Nesterov)",
    "SGD(nesterov=True): p <- p - lr (g + mu v)",
    "optax.sgd(nesterov=True): the same",
    "nesterov=True on both sides, or on neither",
    "nesterov=True on both sides, or on neither",
    TORCH + "SGD.html",
)
cause(
    "weight-decay-missing",
    "optimizer",
    "the parameter decays on one side only (biases and norms are often left out)",
    "every parameter of a group decays, biases and norms too",
    "optax.adamw(mask=...): True decays; optax.adam and optax.sgd have no decay",
    "a group with weight_decay=0 for those that JAX's mask leaves out",
    "mask=a tree of bools, True where torch decays",
    "https://docs.pytorch.org/docs/stable/optim.html#per-parameter-options",
)
cause(
    "adam-l2-vs-decoupled",
    "optimizer",
    "decay is added to the gradient on one side (L2), to the step on the other (decoupled)",
    "Adam(weight_decay): g <- g + wd p; AdamW: p <- p - lr wd p",
    "optax.adamw: decoupled; chain(add_decayed_weights(wd), scale_by_adam()): L2",
    "torch.optim.AdamW",
    "optax.chain(optax.add_decayed_weights(wd), optax.adam(lr))",
    "https://arxiv.org/abs/1711.05101",
)
cause(
    "adamw-default-decay",
    "optimizer",
    "the rates of weight decay differ",
    "AdamW: weight_decay = 1e-2",
    "optax.adamw: weight_decay = 1e-4",
    "weight_decay=1e-4",
    "weight_decay=1e-2",
    ISSUES + "292",
)
cause(
    "weight-decay-times-rate",
    "optimizer",
    "decoupled decay is multiplied by the learning rate on one side only",
    "AdamW: p <- p - lr wd p",
    "optax.adamw: - lr wd p; the paper's schedule multiplies by the schedule alone",
    "weight_decay=wd / lr",
    "weight_decay=wd / lr",
    TORCH + "AdamW.html",
)
cause(
    "adam-eps-root",
    "optimizer",
    "eps stands at another place: outside the root, inside it, or ahead of the bias correction",
    "Adam: m^/(sqrt(v^) + eps)",
    "optax.adam: eps as in torch; eps_root inside the root; TensorFlow 1's epsilon is ahead of the correction",
    "nothing to set: change JAX's side",
    "eps=1e-8, eps_root=0",
    OPTAX,
)
cause(
    "adam-eps-value",
    "optimizer",
    "the eps of Adam differ",
    "Adam: eps = 1e-8",
    "optax.adam: eps = 1e-8; TensorFlow: 1e-7; BERT: 1e-6",
    "eps=...",
    "eps=...",
    TORCH + "Adam.html",
)
cause(
    "adam-bias-correction",
    "optimizer",
    "the moments are corrected for starting at 0 on one side only, or a step late",
    "Adam: m/(1 - b1^t), v/(1 - b2^t), t from 1",
    "optax.adam: the same; BERT's optimizer has no correction",
    "by hand, without the correction",
    "optax.scale_by_adam, with the correction",
    "https://arxiv.org/abs/1412.6980",
)
cause(
    "adam-betas",
    "optimizer",
    "the betas differ",
    "Adam(betas=(0.9, 0.999))",
    "optax.adam(b1=0.9, b2=0.999)",
    "betas=(b1, b2)",
    "b1=..., b2=...",
    TORCH + "Adam.html",
)
cause(
    "amsgrad",
    "optimizer",
    "one side divides by the largest v so far (amsgrad), or takes the maximum after the bias correction",
    "Adam(amsgrad=True): max over v, then corrected",
    "optax.amsgrad: max over the corrected v",
    "amsgrad=False",
    "a transformation of one's own that takes the maximum of the raw v",
    TORCH + "Adam.html",
)


def steps(site: Site) -> bool:
    return site.target == "step" and len(site.inputs) > 1 and site.inputs[0].shape == site.first.shape


def rates(site: Site) -> Axis:
    found = numbers(site, "lr", "learning_rate") or [1e-3, 1e-2, 0.1, 1.0]
    return settings("lr", found, lambda lr: f"learning rate {lr:g}", "optimizer-learning-rate")


def decays(site: Site) -> Axis:
    """No decay, or one in three ways; two that differ do so by the way, by the rate, or by both."""
    values = dict.fromkeys([*numbers(site, "weight_decay"), 1e-2, 1e-4])
    found = [Option(("none", 0.0), "no decay", parts=(("no decay", "weight-decay-missing"),))]
    for kind, words in KINDS.items():
        for rate in (v for v in values if v):
            way = (words, "adam-l2-vs-decoupled")
            parts = (("decay", "weight-decay-missing"), way, (f"{rate:g}", "adamw-default-decay"))
            found.append(Option((kind, rate), f"{words} {rate:g}", parts=parts))
    return Axis("decay", found, "weight-decay-missing")


KINDS = {
    "decoupled": "decoupled decay",
    "l2": "decay in the gradient",
    "direct": "decay without the learning rate",
}
BETWEEN[frozenset((KINDS["decoupled"], KINDS["direct"]))] = "weight-decay-times-rate"


def some(site: Site) -> Site:
    """A few elements: every rule works element by element."""
    first, second, *inputs = (np.ravel(x)[:50] for x in (site.first, site.second, *site.inputs))
    return replace(site, first=first, second=second, inputs=tuple(inputs))


def run(rule: Any, site: Site, **chosen: Any) -> Array:
    p, *grads = site.inputs
    return np.asarray(rule(p, grads, **chosen) - p)


@family
def optimizers(site: Site) -> Iterator[Variant]:
    """Every rule under all its conventions; and without them, for sides that have different rules."""
    if not steps(site):
        return
    for name, (rule, axes) in rules(site).items():
        for variant in search(site, [rates(site), *axes, decays(site)], partial(run, rule), some(site), name):
            named = replace(variant, choice=name, otherwise="optimizer-other")
            yield named
            yield replace(named, departs=(), more=())


def rules(site: Site) -> dict[str, tuple[Any, list[Axis]]]:
    return {
        "SGD": (sgd, of_sgd(site)),
        "Adam": (adam, of_adam(site)),
        "RMSprop": (rmsprop, of_rmsprop(site)),
        "Adagrad": (adagrad_way, of_adagrad()),
    }


def of_sgd(site: Site) -> list[Axis]:
    mus = [*numbers(site, "momentum"), 0.0, 0.9]
    return [
        settings("momentum", mus, lambda mu: f"momentum {mu:g}", "sgd-momentum-value"),
        departures("trace", "sum", ("mean", "velocity is a mean", "sgd-momentum-vs-ema"), ("damped", *DAMPED)),
        departures("nesterov", False, (True, "Nesterov", "sgd-nesterov-form")),
    ]


DAMPED = ("gradients after the first damped", "sgd-dampening")


def of_adam(site: Site) -> list[Axis]:
    eps = [*numbers(site, "eps"), 1e-8, 1e-6, 1e-7]
    betas = [v for v in site.settings("betas") if isinstance(v, tuple) and len(v) == 2]
    return [
        settings("eps", eps, lambda e: f"eps {e:g}", "adam-eps-value"),
        settings("betas", [*betas, (0.9, 0.999)], lambda b: f"betas {b}", "adam-betas"),
        departures(
            "place",
            "outside",
            ("inside", "eps inside the root", "adam-eps-root"),
            ("hat", "eps ahead of the correction", "adam-eps-root"),
        ),
        departures("correction", "both", *((way, f"bias correction: {way}", CORRECTION) for way in CORRECTIONS)),
        departures("largest", "", ("raw", "amsgrad", "amsgrad"), ("corrected", "amsgrad of corrected v", "amsgrad")),
    ]


CORRECTION, CORRECTIONS = "adam-bias-correction", ("none", "second only", "late")


@later
def stretched(site: Site) -> Iterator[Variant]:
    """Steps that are a multiple of the other side's."""
    if not steps(site) or site.first.size < 2:
        return
    ratio = float(np.vdot(site.first, site.second) / (np.vdot(site.first, site.first) or 1.0))
    if np.isfinite(ratio) and ratio:
        why = "optimizer-ascends" if abs(ratio + 1) < 1e-9 else "optimizer-learning-rate"
        yield from changes(
            site, [Change(why, f"steps {r:.8g} times as long", partial(np.multiply, r)) for r in (ratio, 1 / ratio)]
        )
