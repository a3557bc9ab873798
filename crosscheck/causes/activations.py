"""Activations: which function of the value that a unit gave reaches the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy.special import erf, expit

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.site import Site
from crosscheck.causes.variant import BETWEEN, Variant, family

cause(
    "gelu-tanh-default",
    "activation",
    "one side has the exact gelu, the other its tanh approximation",
    "F.gelu(x): x Phi(x); approximate='tanh' by name",
    "jax.nn.gelu(x): tanh approximation by default",
    "F.gelu(x, approximate='tanh')",
    "jax.nn.gelu(x, approximate=False)",
    "https://docs.jax.dev/en/latest/_autosummary/jax.nn.gelu.html",
)
cause(
    "activation-missing",
    "activation",
    "one side applies no activation here",
    "",
    "",
    "apply the activation",
    "apply the activation",
)
cause(
    "activation-other",
    "activation",
    "the activations are different functions",
    "",
    "",
    "apply the other side's activation",
    "apply the other side's activation",
)


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "relu(x)": lambda x: np.maximum(x, 0),
    "exact gelu, x Phi(x)": lambda x: x * 0.5 * (1 + erf(x / np.sqrt(2))),
    "gelu by tanh": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "silu, x sigmoid(x)": lambda x: x * expit(x),
    "tanh(x)": np.tanh,
    "sigmoid(x)": expit,
    "no activation": lambda x: x,
}
BETWEEN[frozenset(("exact gelu, x Phi(x)", "gelu by tanh"))] = "gelu-tanh-default"
BETWEEN.update(
    {frozenset(("no activation", name)): "activation-missing" for name in FUNCTIONS if name != "no activation"}
)


@family
def activation(site: Site) -> Iterator[Variant]:
    """Of the nearest value of the right shape, or one before it."""
    if site.target != "value":
        return
    for x in [x for x in reversed(site.inputs) if x.shape == site.first.shape][:2]:
        for says, function in FUNCTIONS.items():
            yield Variant((), says, lambda f=function, x=x: f(x), says, "activation-other")
