"""Activations: which function of a value reaches the next unit."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from crosscheck.causes.catalogue import cause
from crosscheck.causes.functions import (
    ELUS,
    EXPONENTIALS,
    FUNCTIONS,
    GELU,
    GELU_TANH,
    GELUS,
    HARD,
    LEAKY,
    MAIN,
    NONE,
    QUICK,
    RELU,
    SIGMOID,
    SILU,
    SOFTPLUS,
    SWISH,
    THRESHOLD,
)
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, elementwise
from crosscheck.causes.variant import BETWEEN, Variant, family

DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn."
NN = "https://docs.jax.dev/en/latest/_autosummary/jax.nn."

cause(
    "gelu-tanh-default",
    "activation",
    "one side has the exact gelu, the other its tanh approximation",
    "F.gelu(x) = x Phi(x); the approximation by approximate='tanh'",
    "jax.nn.gelu(x) = x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2; the exact one by approximate=False",
    "F.gelu(x, approximate='tanh')",
    "jax.nn.gelu(x, approximate=False)",
    NN + "gelu.html",
)
cause(
    "quick-gelu",
    "activation",
    "one side has the quick gelu x sigmoid(1.702 x) (CLIP), the other a gelu by erf or tanh",
    "F.gelu(x) = x Phi(x)",
    "jax.nn.gelu(x), by tanh",
    "x * torch.sigmoid(1.702 * x)",
    "x * jax.nn.sigmoid(1.702 * x)",
    "https://github.com/openai/CLIP/blob/main/clip/model.py",
)
cause(
    "leaky-relu-slope",
    "activation",
    "the slopes of the leaky relus for negative input differ",
    "F.leaky_relu(x): slope 0.01",
    "jax.nn.leaky_relu(x): slope 0.01; Keras has 0.3, darknet 0.1, DCGAN 0.2",
    "F.leaky_relu(x, negative_slope=a)",
    "jax.nn.leaky_relu(x, negative_slope=a)",
    DOCS + "LeakyReLU.html",
)
cause(
    "celu-elu-alpha",
    "activation",
    "elu and celu, or the same with another alpha",
    "F.elu: a (e^x - 1); F.celu: a (e^(x/a) - 1) for x < 0",
    "jax.nn.elu, jax.nn.celu: the same formulas",
    "F.elu(x, alpha=a), F.celu(x, alpha=a): take the other side's",
    "jax.nn.elu(x, a), jax.nn.celu(x, a): take the other side's",
    DOCS + "CELU.html",
)
cause(
    "softplus-threshold-beta",
    "activation",
    "the betas of softplus differ",
    "F.softplus(x, beta=b): log(1 + e^(b x)) / b",
    "jax.nn.softplus(x): log(1 + e^x), no beta",
    "beta=1",
    "jax.nn.softplus(b * x) / b",
    DOCS + "Softplus.html",
)
cause(
    "softplus-threshold-only",
    "activation",
    "one softplus is x itself beyond a threshold",
    "F.softplus(x) = x where beta x > 20",
    "jax.nn.softplus(x) = log(1 + e^x) everywhere",
    "F.softplus(x, threshold=1e9)",
    "jnp.where(x > 20, x, jax.nn.softplus(x))",
    DOCS + "Softplus.html",
)
cause(
    "hard-sigmoid-swish",
    "activation",
    "the hard sigmoids (or hard swishes) are different lines",
    "F.hardsigmoid(x) = relu6(x + 3) / 6",
    "jax.nn.hard_sigmoid(x) = relu6(x + 3) / 6; Theano's and old Keras's is clip(0.2 x + 0.5, 0, 1)",
    "(0.2 * x + 0.5).clamp(0, 1)",
    "jax.nn.hard_sigmoid(x)",
    DOCS + "Hardsigmoid.html",
)
cause(
    "hard-for-smooth-activation",
    "activation",
    "one side has a hard sigmoid or swish, the other the smooth one",
    "F.hardswish, F.hardsigmoid; F.silu, torch.sigmoid",
    "jax.nn.hard_swish, jax.nn.hard_sigmoid; jax.nn.silu, jax.nn.sigmoid",
    "take the function that the other side has",
    "take the function that the other side has",
    DOCS + "Hardswish.html",
)
cause(
    "swish-beta",
    "activation",
    "the betas of swish differ",
    "F.silu(x) = x sigmoid(x)",
    "jax.nn.silu(x) = x sigmoid(x); swish as published is x sigmoid(beta x)",
    "x * torch.sigmoid(beta * x)",
    "x * jax.nn.sigmoid(beta * x)",
    "https://arxiv.org/abs/1710.05941",
)
cause(
    "relu6-cap",
    "activation",
    "one side clips its relu at 6",
    "F.relu6(x) = min(max(x, 0), 6)",
    "jax.nn.relu6(x) = min(max(x, 0), 6)",
    "F.relu6 or F.relu on both sides",
    "jax.nn.relu6 or jax.nn.relu on both sides",
    DOCS + "ReLU6.html",
)
cause(
    "activation-missing",
    "activation",
    "one side applies an activation here, the other none",
    "nn.Module, F.relu(x): only what forward() calls is applied; a layer made in __init__ is not",
    "nnx.relu(x): only what __call__ applies; the same",
    "F.relu(x), or whichever the other side has, at this place; else take it out",
    "jax.nn.relu(x), or whichever the other side has, at this place; else take it out",
    "https://docs.pytorch.org/docs/stable/nn.html#non-linear-activations-weighted-sum-nonlinearity",
)
cause(
    "logarithm-for-value",
    "activation",
    "one side has the logarithm of a variance (or of a scale), the other the variance or the standard deviation",
    "logvar; std = torch.exp(0.5 * logvar)",
    "logvar; std = jnp.exp(0.5 * logvar), var = jnp.exp(logvar)",
    "hand on what JAX hands on",
    "hand on what torch hands on",
    "https://arxiv.org/abs/1312.6114",
)
cause(
    "activation-twice",
    "activation",
    "one side applies the activation twice",
    "f(f(x)): one inside the module, another around it",
    "f(f(x)): one inside the module, another around it",
    "apply it once",
    "apply it once",
    "https://docs.pytorch.org/docs/stable/nn.html#non-linear-activations-weighted-sum-nonlinearity",
)
cause(
    "activation-other",
    "activation",
    "the activations are different functions",
    "F.relu, F.silu, torch.tanh, ...",
    "jax.nn.relu, jax.nn.silu, jnp.tanh, ...",
    "apply the function that JAX has here",
    "apply the function that torch has here",
    "https://docs.jax.dev/en/latest/jax.nn.html#activation-functions",
)


def between(cause_id: str, *names: str) -> None:
    """Any two of these differ by the cause."""
    BETWEEN.update({frozenset(pair): cause_id for pair in combinations(names, 2)})


for name in FUNCTIONS:
    between("activation-missing", NONE, name)
for name in MAIN:
    between("activation-twice", name, f"{name}, twice")
between("logarithm-for-value", NONE, *EXPONENTIALS)
between("clamp-missing", NONE, "clip(x, -1, 1)")
between("quick-gelu", *GELUS)
between("gelu-tanh-default", GELU, GELU_TANH)
between("leaky-relu-slope", RELU, *LEAKY)
between("celu-elu-alpha", *ELUS)
between("softplus-threshold-beta", *SOFTPLUS)
between("softplus-threshold-only", "softplus, beta 1", THRESHOLD)
between("hard-sigmoid-swish", *list(HARD)[:2])
between("hard-sigmoid-swish", *list(HARD)[2:])
between("swish-beta", *SWISH, QUICK)
between("relu6-cap", RELU, "relu6(x)")
for name in list(HARD)[:2]:
    between("hard-for-smooth-activation", SIGMOID, name)
for name in list(HARD)[2:]:
    between("hard-for-smooth-activation", SILU, name)


@family
def activations(site: Site) -> Iterator[Variant]:
    """Functions of one earlier value, element by element."""
    if alone(site):
        yield from elementwise(site, FUNCTIONS, "activation-other")
