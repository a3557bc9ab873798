"""What comes back through a stretch of the net that goes forward alike: nothing, a multiple, another derivative.

dX = sum of c f'(X) dY over the places that X went to
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import combinations

import numpy as np
from scipy.special import erf, expit

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.changes import Change, changes, comparable
from crosscheck.causes.functions import GELU, GELU_TANH, QUICK, RELU, SIGMOID, SILU, TANH, Function
from crosscheck.causes.site import Site
from crosscheck.causes.sources import part
from crosscheck.causes.sums import fitted
from crosscheck.causes.variant import Variant, family, later

DETACH = "https://docs.pytorch.org/docs/stable/generated/torch.Tensor.detach.html"
STOP = "https://docs.jax.dev/en/latest/_autosummary/jax.lax.stop_gradient.html"
CUSTOM = "https://docs.jax.dev/en/latest/notebooks/Custom_derivative_rules_for_Python_code.html"

cause(
    "gradient-detached",
    "gradient",
    "no gradient comes back here on one side, or not all of it: a detach or stop_gradient too many or too few",
    "x.detach(), torch.no_grad(), x.data, x.item(); requires_grad=False",
    "jax.lax.stop_gradient(x); everything else inside grad is differentiated",
    "x.detach() where JAX stops, none where it does not",
    "jax.lax.stop_gradient(x) wherever torch detaches",
    STOP,
)
cause(
    "gradient-scaled",
    "gradient",
    "the gradient is a multiple of the other side's: a hook, a custom backward pass, a mean for a sum",
    "x.register_hook(lambda g: c * g); DETR, RL and GAN code scale gradients so",
    "c * x + jax.lax.stop_gradient((1 - c) * x)",
    "c * x + ((1 - c) * x).detach()",
    "c * x + jax.lax.stop_gradient((1 - c) * x)",
    "https://docs.pytorch.org/docs/stable/generated/torch.Tensor.register_hook.html",
)
cause(
    "gradient-reversed",
    "gradient",
    "the gradient changes its sign on one side (gradient reversal of domain adaptation)",
    "torch.autograd.Function whose backward returns -g",
    "jax.custom_vjp whose backward rule returns -g",
    "2 * x.detach() - x",
    "2 * jax.lax.stop_gradient(x) - x",
    "https://arxiv.org/abs/1409.7495",
)
cause(
    "gradient-clipped",
    "gradient",
    "the gradient is kept within bounds on one side",
    "x.register_hook(lambda g: g.clamp(-c, c))",
    "jax.custom_vjp whose backward rule clips; optax.clip only sees the parameters' gradients",
    "x.register_hook(lambda g: g.clamp(-c, c)), or none",
    "jnp.clip(g, -c, c) in a custom_vjp, or none",
    "https://docs.pytorch.org/docs/stable/generated/torch.Tensor.register_hook.html",
)
cause(
    "straight-through",
    "gradient",
    "one side passes the gradient through as it is, the other differentiates (of rounding and signs: nothing)",
    "x + (torch.round(x) - x).detach()",
    "x + jax.lax.stop_gradient(jnp.round(x) - x)",
    "x + (f(x) - x).detach()",
    "x + jax.lax.stop_gradient(f(x) - x)",
    "https://arxiv.org/abs/1308.3432",
)
cause(
    "backward-of-another-function",
    "gradient",
    "a backward pass written by hand is that of another function",
    "torch.autograd.Function: backward is not checked against forward",
    "jax.custom_vjp, jax.custom_jvp: the rules are not checked against the function",
    "torch.autograd.gradcheck finds it",
    "jax.test_util.check_grads finds it",
    CUSTOM,
)
cause(
    "hardsigmoid-grad-float32-constant",
    "gradient",
    "float64 gradients differ by 3e-8: one side has the constant 1/6 in float32",
    "F.hardsigmoid, F.hardswish: backward multiplies by float32(1/6)",
    "jax.nn.hard_sigmoid: by 1/6",
    "(x + 3).clamp(0, 6) / 6",
    "nothing to do: float32 nets agree",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.Hardsigmoid.html",
)


def gelu(x: Array) -> Array:
    return np.asarray(0.5 * (1 + erf(x / np.sqrt(2))) + x * np.exp(-x * x / 2) / np.sqrt(2 * np.pi))


def gelu_tanh(x: Array) -> Array:
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (x + 0.044715 * x**3))
    return np.asarray(0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x))


def swish(x: Array, b: float = 1.0) -> Array:
    s = expit(b * x)
    return np.asarray(s + b * x * s * (1 - s))


SAME = "as it came"
DERIVATIVES: dict[str, Function] = {
    RELU: lambda x: (x > 0) * 1.0,
    TANH: lambda x: 1 - np.tanh(x) ** 2,
    SIGMOID: lambda x: expit(x) * (1 - expit(x)),
    SILU: swish,
    GELU: gelu,
    GELU_TANH: gelu_tanh,
    QUICK: partial(swish, b=1.702),
    "leaky relu, slope 0.01": lambda x: np.where(x > 0, 1, 0.01),
    "leaky relu, slope 0.2": lambda x: np.where(x > 0, 1, 0.2),
    "1 - x^2": lambda x: 1 - x * x,
    "x (1 - x)": lambda x: x * (1 - x),
    "|x| < 1": lambda x: (np.abs(x) < 1) * 1.0,
    "the sine": np.cos,
    "the exponential": np.exp,
    "the square": lambda x: 2 * x,
}
Terms = dict[tuple[int, str], float]
"""The factor of every cotangent, by its place and the function that is differentiated."""


@family
def returned(site: Site) -> Iterator[Variant]:
    """Both sides read as sums of what came back, as it came or times a derivative."""
    if site.target != "gradient" or not comparable(site) or site.first.dtype.kind != "f":
        return
    found = cotangents(site)
    mine, theirs = read(site, site.first, found), read(site, site.second, found)
    if mine is None or theirs is None or not (mine or theirs):
        return
    ids = reasons(site, mine, theirs)
    for which, terms in (("first", mine), ("second", theirs)) if ids else ():
        more = tuple((which, other) for other in ids[1:])
        yield Variant((), words(terms), partial(total, site, found, terms), which, ids[0], more)


def cotangents(site: Site) -> list[Array]:
    """What may have come back, the nearest first, each once."""
    found: list[Array] = []
    for g in reversed(site.cotangents):
        if g.shape == site.first.shape and np.isfinite(g).all() and not any(np.array_equal(g, h) for h in found):
            found.append(g)
    return found[:6]


def read(site: Site, side: Array, found: list[Array]) -> Terms | None:
    """A side as a sum of few terms; {} if it is zero, None if it cannot be read."""
    if not side.any():
        return {}
    if not np.isfinite(side).all():
        return None
    some, plain = part(side), [part(g) for g in found]
    for count in range(1, min(len(found), 3) + 1):
        for chosen in combinations(range(len(found)), count):
            factors = fitted(some, [plain[i] for i in chosen])
            if factors is not None:
                return {(i, SAME): c for i, c in zip(chosen, factors)}
    return curved(site, some, plain)


def curved(site: Site, some: Array, plain: list[Array]) -> Terms | None:
    """One term with a derivative, and one without at most."""
    if not site.inputs or site.x.shape != site.first.shape:
        return None
    x = part(site.x)
    for name, derivative in DERIVATIVES.items():
        slope = derivative(x)
        for i, g in enumerate(plain[:3]):
            if (factors := fitted(some, [slope * g])) is not None:
                return {(i, name): factors[0]}
            for j, h in enumerate(plain[:3]):
                if (factors := fitted(some, [slope * g, h])) is not None and factors[0] == 1:
                    return {(i, name): 1.0, (j, SAME): factors[1]}
    return None


def total(site: Site, found: list[Array], terms: Terms) -> Array:
    made = np.zeros(site.first.shape)
    for (i, name), factor in terms.items():
        made = made + factor * (found[i] if name == SAME else DERIVATIVES[name](site.x) * found[i])
    return made


def words(terms: Terms) -> str:
    each = [
        f"{factor:g} times " * (factor != 1) + ("what came back" if name == SAME else f"that times the slope of {name}")
        for (_, name), factor in terms.items()
    ]
    return " + ".join(each) or "nothing comes back"


def reasons(site: Site, mine: Terms, theirs: Terms) -> list[str]:
    """The causes by which two readings differ; none where that is no cause of the catalogue."""
    ids = []
    for key in mine.keys() & theirs.keys():
        if abs(mine[key] - theirs[key]) > 1e-9 * abs(mine[key]):
            ids.append(multiple(theirs[key] / mine[key])[0])
    left, right = (sorted(a.keys() - b.keys()) for a, b in ((mine, theirs), (theirs, mine)))
    if left and right:
        factors = [abs(a[key]) for a, keys in ((mine, left), (theirs, right)) for key in keys]
        if [i for i, _ in left] != [i for i, _ in right] or max(factors) - min(factors) > 1e-9 * max(factors):
            return []
        names = {name for _, name in (*left, *right)}
        ids.append("straight-through" if SAME in names else "backward-of-another-function")
    elif left or right:
        ids.append("straight-through" if stepped(site) else "gradient-detached")
    return list(dict.fromkeys(ids))


def stepped(site: Site) -> bool:
    """Whether what goes forward from here are steps: whole numbers, or signs, of something that is neither."""
    if not site.inputs or np.array_equal(site.x, np.rint(site.x)):
        return False
    steps = [z for z in site.given if z.shape == site.x.shape and z.dtype.kind == "f"]
    return any(len(np.unique(part(z))) <= max(2, z.size // 8) or np.array_equal(z, np.rint(z)) for z in steps)


@later
def changed(site: Site) -> Iterator[Variant]:
    """One side is nothing, a multiple of the other, or the other within bounds."""
    if site.target != "gradient" or not comparable(site) or site.first.dtype.kind != "f" or site.first.size < 2:
        return
    yield from changes(site, [Change("gradient-detached", "nothing comes back", np.zeros_like), *multiples(site)])
    if np.isfinite(site.first).all() and np.isfinite(site.second).all():
        yield from changes(site, clips(site))


def multiples(site: Site) -> Iterator[Change]:
    ratio = float(np.vdot(site.first, site.second) / (np.vdot(site.first, site.first) or 1.0))
    for factor in (ratio, 1 / ratio) if ratio and np.isfinite(ratio) else ():
        name, says = multiple(factor)
        yield Change(name, says, partial(np.multiply, factor))


def multiple(factor: float) -> tuple[str, str]:
    """The cause of a factor, and it in words."""
    if abs(factor + 1) < 1e-9:
        return "gradient-reversed", "the negative"
    if 1e-9 < abs(factor - 1) < 1e-7:
        return "hardsigmoid-grad-float32-constant", "a constant rounded to float32"
    return "gradient-scaled", f"{factor:.8g} times as much"


def clips(site: Site) -> Iterator[Change]:
    for side in (site.first, site.second):
        bound = float(np.abs(side).max())
        if np.sum(np.abs(side) == bound) > 1 and np.mean((np.abs(side) < bound) & (side != 0)) > 0.1:
            yield Change("gradient-clipped", f"kept between -{bound:.6g} and {bound:.6g}", partial(within, bound=bound))


def within(x: Array, bound: float) -> Array:
    return np.clip(x, -bound, bound)
