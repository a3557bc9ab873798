"""Activations: which function of a value reaches the next unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations

import numpy as np
from scipy.special import erf, expit

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.site import Site
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
    "prelu-init-and-shape",
    "activation",
    "PReLU's slopes are applied along different axes, or as one for all channels",
    "nn.PReLU(c): one slope a channel, axis 1",
    "PReLU: one slope for everything",
    "nn.PReLU() with one slope",
    "jnp.where(x >= 0, x, a * x) with a along the channels",
    DOCS + "PReLU.html",
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
    "softmax-axis",
    "activation",
    "softmax is taken along different axes",
    "F.softmax(x, dim)",
    "jax.nn.softmax(x): the last axis by default",
    "dim=-1 for JAX's default",
    "axis=... for torch's dim; channels that were axis 1 are the last one here",
    NN + "softmax.html",
)
cause(
    "softmax-implicit-dim-3d",
    "activation",
    "softmax runs along the first axis on one side: torch's choice for three axes when dim is not given",
    "F.softmax(x) without dim: axis 0 of 1 or 3 axes, else axis 1",
    "jax.nn.softmax(x): axis -1",
    "F.softmax(x, dim=-1)",
    "jax.nn.softmax(x, axis=0)",
    DOCS + "functional.softmax.html",
)
cause(
    "log-softmax-for-softmax",
    "activation",
    "one side gives log-probabilities, the other probabilities",
    "F.log_softmax, F.softmax",
    "jax.nn.log_softmax, jax.nn.softmax",
    "use the same of the two",
    "use the same of the two",
    NN + "log_softmax.html",
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
    "activation-twice",
    "activation",
    "one side applies the activation twice",
    "",
    "",
    "apply it once: look for one inside the module and another around it",
    "apply it once: look for one inside the module and another around it",
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

Function = Callable[[Array], Array]


def gelu_tanh(x: Array) -> Array:
    return np.asarray(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))


def gelu(x: Array) -> Array:
    return np.asarray(x * 0.5 * (1 + erf(x / np.sqrt(2))))


def softplus(x: Array) -> Array:
    return np.logaddexp(x, 0)


def elu(x: Array, a: float = 1.0, b: float = 1.0) -> Array:
    return np.where(x > 0, x, a * np.expm1(np.minimum(x, 0) / b))


def line(slope: float) -> Function:
    return lambda x: np.clip(slope * x + 0.5, 0, 1)


MAIN: dict[str, Function] = {
    "no activation": lambda x: x,
    "relu(x)": lambda x: np.maximum(x, 0),
    "exact gelu, x Phi(x)": gelu,
    "gelu by tanh": gelu_tanh,
    "silu, x sigmoid(x)": lambda x: x * expit(x),
    "tanh(x)": np.tanh,
    "sigmoid(x)": expit,
    "quick gelu, x sigmoid(1.702 x)": lambda x: x * expit(1.702 * x),
    "leaky relu, slope 0.01": lambda x: np.where(x > 0, x, 0.01 * x),
    "leaky relu, slope 0.1": lambda x: np.where(x > 0, x, 0.1 * x),
    "leaky relu, slope 0.2": lambda x: np.where(x > 0, x, 0.2 * x),
    "relu6(x)": lambda x: np.clip(x, 0, 6),
    "hard swish, x relu6(x + 3)/6": lambda x: x * line(1 / 6)(x),
    "hard sigmoid, relu6(x + 3)/6": line(1 / 6),
    "elu": elu,
}
"""The activations that nets commonly have."""
LEAKY = {
    f"leaky relu, slope {a:g}": lambda x, a=a: np.where(x > 0, x, a * x) for a in (0.01, 0.1, 0.2, 0.3, 0.05, 0.25, 0.5)
}
ALPHAS = (0.5, 2.0, 1.5, 0.1, 0.2, 0.25, 1.2, 1.3, 1.6732632423543772, 3.0)
ELUS = (
    {"elu": elu}
    | {f"elu, alpha {a:.4g}": lambda x, a=a: elu(x, a) for a in ALPHAS}
    | {f"celu, alpha {a:.4g}": lambda x, a=a: elu(x, a, a) for a in ALPHAS}
)
SOFTPLUS = {
    f"softplus, beta {b:g}": lambda x, b=b: softplus(b * x) / b for b in (1.0, 2.0, 0.5, 3.0, 5.0, 10.0, 20.0, 100.0)
}
THRESHOLD = "softplus, x itself beyond 20"
HARD = {
    "hard sigmoid, relu6(x + 3)/6": line(1 / 6),
    "hard sigmoid, clip(0.2 x + 0.5)": line(0.2),
    "hard swish, x relu6(x + 3)/6": lambda x: x * line(1 / 6)(x),
    "hard swish, x clip(0.2 x + 0.5)": lambda x: x * line(0.2)(x),
}
SWISH = {"silu, x sigmoid(x)": MAIN["silu, x sigmoid(x)"]} | {
    f"swish, beta {b:g}": lambda x, b=b: x * expit(b * x) for b in (1.5, 2.0, 0.5, 3.0, 1.25)
}
OTHERS: dict[str, Function] = {
    THRESHOLD: lambda x: np.where(x > 20, x, softplus(x)),
    "selu": lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772),
    "mish, x tanh(softplus(x))": lambda x: x * np.tanh(softplus(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "log sigmoid": lambda x: -softplus(-x),
    "relu(x)^2": lambda x: np.maximum(x, 0) ** 2,
    "clip(x, -1, 1)": lambda x: np.clip(x, -1, 1),
    "exp(x)": np.exp,
    "|x|": np.abs,
    "x - tanh(x)": lambda x: x - np.tanh(x),
    "soft shrink at 0.5": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "hard shrink at 0.5": lambda x: np.where(np.abs(x) > 0.5, x, 0),
}
ONCE: dict[str, Function] = MAIN | LEAKY | ELUS | SOFTPLUS | HARD | SWISH | OTHERS
TWICE = {f"{name}, twice": lambda x, f=f: f(f(x)) for name, f in MAIN.items() if name != "no activation"}
FUNCTIONS: dict[str, Function] = ONCE | TWICE
GELUS = ("exact gelu, x Phi(x)", "gelu by tanh", "quick gelu, x sigmoid(1.702 x)")


def between(cause_id: str, *names: str) -> None:
    """Any two of these differ by the cause."""
    BETWEEN.update({frozenset(pair): cause_id for pair in combinations(names, 2)})


for name in FUNCTIONS:
    between("activation-missing", "no activation", name)
for name in MAIN:
    between("activation-twice", name, f"{name}, twice")
between("quick-gelu", *GELUS)
between("gelu-tanh-default", *GELUS[:2])
between("leaky-relu-slope", "relu(x)", *LEAKY)
between("celu-elu-alpha", *ELUS)
between("softplus-threshold-beta", *SOFTPLUS)
between("softplus-threshold-only", "softplus, beta 1", THRESHOLD)
between("hard-sigmoid-swish", *list(HARD)[:2])
between("hard-sigmoid-swish", *list(HARD)[2:])
between("swish-beta", *SWISH, "quick gelu, x sigmoid(1.702 x)")
between("relu6-cap", "relu(x)", "relu6(x)")
for name in list(HARD)[:2]:
    between("hard-for-smooth-activation", "sigmoid(x)", name)
for name in list(HARD)[2:]:
    between("hard-for-smooth-activation", "silu, x sigmoid(x)", name)


def softmax(x: Array, axis: int) -> Array:
    shifted = np.exp(x - x.max(axis, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis, keepdims=True))


def log_softmax(x: Array, axis: int) -> Array:
    shifted = x - x.max(axis, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis, keepdims=True)))


def alone(site: Site) -> bool:
    """Whether something is made of what went in without weights of its own."""
    return site.target == "value" or (site.target == "output" and not site.weights)


def sources(site: Site, most: int = 8) -> list[Array]:
    """What a value may have been made of, the nearest first, each once."""
    found: list[Array] = []
    for x in reversed((*site.inputs, *site.given)):
        if x.dtype.kind in "fiub" and x.size and not any(x.shape == y.shape and np.array_equal(x, y) for y in found):
            found.append(x)
    return found[:most]


@family
def softmaxes(site: Site) -> Iterator[Variant]:
    """Softmax and its logarithm, along every axis, in probabilities or not, and none."""
    if not alone(site) or site.first.ndim == 0:
        return
    for x in (x for x in sources(site) if x.shape == site.first.shape and x.dtype.kind == "f"):
        for axis in range(-1, -x.ndim - 1, -1):
            first = axis == -x.ndim == -3
            axis_cause = "softmax-implicit-dim-3d" if first else "softmax-axis"
            along = (f"along axis {axis + x.ndim}", axis_cause)
            for says, function in (("softmax", softmax), ("log-softmax", log_softmax)):
                yield Variant(
                    (), f"{says} {along[0]}", partial(function, x, axis), says, "log-softmax-for-softmax", (along,)
                )
        yield Variant(("activation-missing",), "no softmax", partial(np.asarray, x), "softmax")


GATES: dict[str, Function] = {
    name: MAIN[name] for name in ("sigmoid(x)", "silu, x sigmoid(x)", "relu(x)", "tanh(x)", *GELUS, "no activation")
}


@family
def gated_linear_units(site: Site) -> Iterator[Variant]:
    """One half of x times a function of the other."""
    if not alone(site):
        return
    for x in (x for x in sources(site) if x.ndim == site.first.ndim and x.size == 2 * site.first.size):
        for axis in range(x.ndim):
            if x.shape[axis] % 2 or x.shape[axis] != 2 * site.first.shape[axis]:
                continue
            for says, (a, b) in halves(x, axis):
                for name, function in GATES.items():
                    words = f"{name} of the {says} half along axis {axis} times the other"
                    more = ((says, "glu-half-order"), (f"axis {axis}", "glu-channel-axis"))
                    yield Variant((), words, partial(gated, a, b, function), name, "activation-other", more)


def gated(a: Array, b: Array, function: Function) -> Array:
    return a * function(b)


def halves(x: Array, axis: int) -> list[tuple[str, tuple[Array, Array]]]:
    """Which half goes through the activation, with (the other, that)."""
    a, b = np.split(x, 2, axis)
    even, odd = (np.take(x, range(i, x.shape[axis], 2), axis) for i in (0, 1))
    return [("second", (a, b)), ("first", (b, a)), ("odd", (even, odd)), ("even", (odd, even))]


cause(
    "glu-half-order",
    "activation",
    "the gate is the other half: first against second, or halves against every second channel",
    "F.glu(x, dim): first half times sigmoid(second half)",
    "jax.nn.glu(x, axis): first half times sigmoid(second half); many SwiGLU weights have the gate first",
    "a, b = x.chunk(2, -1); b * act(a)",
    "a, b = jnp.split(x, 2, -1); b * act(a), or exchange the halves of the weight",
    DOCS + "GLU.html",
)
cause(
    "glu-channel-axis",
    "activation",
    "the halves are taken along different axes",
    "F.glu(x, dim=-1); channels of images are dim=1",
    "jax.nn.glu(x, axis=-1): the channels of n h w c",
    "F.glu(x, dim=1)",
    "jax.nn.glu(x, axis=-1) with channels last",
    NN + "glu.html",
)


def sloped(x: Array, slopes: Array) -> Array:
    return np.where(x >= 0, x, slopes * x)


@family
def prelu(site: Site) -> Iterator[Variant]:
    slopes = next((site.weights[n] for n in ("weight", "negative_slope", "alpha") if n in site.weights), None)
    if site.target != "output" or "PReLU" not in site.sides[0].kind + site.sides[1].kind or slopes is None:
        return
    x = site.x
    ways = {"the first slope for all": slopes.ravel()[:1].reshape((1,) * x.ndim)}
    for axis in range(x.ndim):
        if slopes.size == x.shape[axis]:
            ways[f"slopes along axis {axis}"] = slopes.reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    for says, a in ways.items():
        yield Variant((), says, partial(sloped, x, a), says, "prelu-init-and-shape")
    for slope in (0.25, 0.01):
        says, a = f"slope {slope} for all", np.asarray(slope)
        yield Variant((), says, partial(sloped, x, a), says, "prelu-init-and-shape")
