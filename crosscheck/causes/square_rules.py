"""Optimizers that divide by a root of squares alone: RMSprop and Adagrad."""

from __future__ import annotations

from typing import Any

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.options import Axis, Option, departures, settings
from crosscheck.causes.site import Site
from crosscheck.causes.update_rules import adagrad

TORCH = "https://docs.pytorch.org/docs/stable/generated/torch.optim."
OPTAX = "https://optax.readthedocs.io/en/latest/api/optimizers.html"
ISSUES = "https://github.com/google-deepmind/optax/issues/"

cause(
    "rmsprop-eps-placement",
    "optimizer",
    "eps is outside the root on one side, inside on the other",
    "RMSprop: g/(sqrt(v) + eps)",
    "optax.rmsprop: g/sqrt(v + eps), eps_in_sqrt=True",
    "nothing to set: change JAX's side",
    "eps_in_sqrt=False",
    ISSUES + "532",
)
cause(
    "rmsprop-decay-default",
    "optimizer",
    "the averages of squares forget at different rates",
    "RMSprop: alpha = 0.99",
    "optax.rmsprop: decay = 0.9",
    "alpha=0.9",
    "decay=0.99",
    ISSUES + "532",
)
cause(
    "rmsprop-centered",
    "optimizer",
    "one side subtracts the square of the mean gradient (centered)",
    "RMSprop(centered=True): sqrt(v - m^2) + eps",
    "optax.rmsprop(centered=True)",
    "centered=False",
    "centered=True, eps_in_sqrt=False",
    TORCH + "RMSprop.html",
)
cause(
    "rmsprop-initial-accumulator",
    "optimizer",
    "the averages of squares begin at 1 on one side, at 0 on the other",
    "RMSprop: 0",
    "optax.rmsprop: initial_scale = 0; TensorFlow 1: 1",
    "square_avg filled with ones in the optimizer's state",
    "initial_scale=0.0",
    OPTAX,
)
cause(
    "adagrad-accumulator-eps",
    "optimizer",
    "the sums of squares begin elsewhere, or eps is inside the root",
    "Adagrad: from 0; g/(sqrt(s) + 1e-10)",
    "optax.adagrad: from 0.1; g/sqrt(s + 1e-7)",
    "initial_accumulator_value=0.1",
    "initial_accumulator_value=0.0, eps=0.0",
    TORCH + "Adagrad.html",
)


def numbers(site: Site, *names: str) -> list[float]:
    return [float(v) for v in site.settings(*names) if isinstance(v, (int, float)) and not isinstance(v, bool)]


def of_rmsprop(site: Site) -> list[Axis]:
    alphas, mus = [*numbers(site, "alpha", "decay"), 0.99, 0.9], [*numbers(site, "momentum"), 0.0]
    return [
        settings("alpha", alphas, lambda a: f"decay {a:g}", "rmsprop-decay-default"),
        settings("eps", [*numbers(site, "eps"), 1e-8], lambda e: f"eps {e:g}", "adam-eps-value"),
        settings("momentum", mus, lambda mu: f"momentum {mu:g}", "sgd-momentum-value"),
        departures("place", "outside", ("inside", "eps inside the root", "rmsprop-eps-placement")),
        departures("centered", False, (True, "centered", "rmsprop-centered")),
        departures("initial", 0.0, (1.0, "squares from 1", "rmsprop-initial-accumulator")),
    ]


def of_adagrad() -> list[Axis]:
    ways = [(0.0, 1e-10, "outside"), (0.1, 1e-7, "inside"), (0.1, 1e-10, "outside"), (0.0, 1e-7, "inside")]
    words = [f"squares from {start:g}, eps {eps:g} {place} the root" for start, eps, place in ways]
    pairs = [Option(way, says) for way, says in zip(ways, words)]
    return [Axis("way", pairs, "adagrad-accumulator-eps")]


def adagrad_way(p: Array, grads: list[Array], lr: float, decay: Any, way: tuple[float, float, str]) -> Array:
    return adagrad(p, grads, lr, *way, decay)
