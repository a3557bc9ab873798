"""Reductions: over which axes, and to what: mean, sum, maximum, variance, norm, the first element."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations

import numpy as np
from scipy.special import logsumexp

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, floats
from crosscheck.causes.variant import ANY, BETWEEN, Variant, family

DOCS = "https://docs.pytorch.org/docs/stable/generated/torch."
JNP = "https://docs.jax.dev/en/latest/_autosummary/jax.numpy."

cause(
    "reduction-mean-sum",
    "reduction",
    "one side takes the mean, the other the sum",
    "x.mean(dim)",
    "x.sum(axis)",
    "x.sum(dim)",
    "x.mean(axis)",
    DOCS + "mean.html",
)
cause(
    "reduction-axes",
    "reduction",
    "the reduction runs over different axes: (2, 3) are height and width in torch, width and channels in JAX",
    "x.mean((2, 3)) of n c h w",
    "x.mean((1, 2)) of n h w c",
    "x.mean((2, 3))",
    "x.mean((1, 2))",
    DOCS + "mean.html",
)
cause(
    "max-for-mean-pooling",
    "reduction",
    "one side takes the maximum, the other the mean (or sum)",
    "x.amax((2, 3)); x.mean((2, 3))",
    "x.max((1, 2)); x.mean((1, 2))",
    "x.mean(dim), or x.amax(dim), as JAX has it",
    "x.mean(axis), or x.max(axis), as torch has it",
    DOCS + "amax.html",
)
cause(
    "token-for-mean-pooling",
    "reduction",
    "one side takes one element (the first token, the last state), the other the mean or another one",
    "x[:, 0], x[:, -1], x.mean(1)",
    "x[:, 0], x[:, -1], x.mean(1)",
    "take what JAX takes",
    "take what torch takes",
    "https://arxiv.org/abs/1810.04805",
)
cause(
    "variance-ddof",
    "reduction",
    "the variance (or deviation) is divided by n - 1 on one side, by n on the other",
    "torch.var, torch.std: n - 1 (correction=1)",
    "jnp.var, jnp.std: n (ddof=0)",
    "torch.var(x, correction=0)",
    "jnp.var(x, ddof=1)",
    DOCS + "var.html",
)
cause(
    "std-for-variance",
    "reduction",
    "one side has the standard deviation, the other the variance",
    "x.std(dim), x.var(dim)",
    "x.std(axis), x.var(axis)",
    "x.var(dim) or x.std(dim), as JAX has it",
    "x.var(axis) or x.std(axis), as torch has it",
    DOCS + "std.html",
)
cause(
    "norm-order",
    "reduction",
    "the norms are of different orders, or squared on one side",
    "torch.linalg.vector_norm(x, 2)",
    "jnp.linalg.norm(x, ord=1), jnp.sum(x**2)",
    "torch.linalg.vector_norm(x, ord), of the order that JAX has",
    "jnp.linalg.norm(x, ord, axis), of the order that torch has",
    DOCS + "linalg.vector_norm.html",
)
cause(
    "norm-default-matrix",
    "reduction",
    "one side has a matrix's largest singular value, the other the root of the sum of squares",
    "x.norm(2): of all elements",
    "jnp.linalg.norm(x, 2) of a matrix: the largest singular value",
    "torch.linalg.matrix_norm(x, 2)",
    "jnp.linalg.norm(x.ravel(), 2)",
    JNP + "linalg.norm.html",
)
cause(
    "median-even",
    "reduction",
    "of an even number of elements one side takes the lower of the two in the middle, the other their mean",
    "torch.median: the lower one",
    "jnp.median: the mean of the two",
    "torch.quantile(x, 0.5)",
    "jnp.sort(x)[..., (n - 1) // 2]",
    DOCS + "median.html",
)
cause(
    "quantile-vs-percentile",
    "reduction",
    "one side counts from 0 to 1, the other from 0 to 100",
    "torch.quantile(x, 0.9)",
    "jnp.percentile(x, 0.9): nearly the minimum",
    "torch.quantile(x, q / 100)",
    "jnp.quantile(x, q)",
    JNP + "percentile.html",
)
cause(
    "logsumexp-for-max",
    "reduction",
    "one side has log-sum-exp, the other the maximum or the log of the mean",
    "torch.logsumexp(x, dim)",
    "jax.nn.logsumexp(x, axis), x.max(axis)",
    "torch.logsumexp(x, dim), or what JAX has",
    "jax.nn.logsumexp(x, axis), or what torch has",
    "https://docs.jax.dev/en/latest/_autosummary/jax.nn.logsumexp.html",
)
cause(
    "loss-mean-masked",
    "reduction",
    "the mean is over all places on one side, over those that the mask keeps on the other",
    "loss[mask].mean()",
    "(loss * mask).mean(): divides by all",
    "(loss * mask).mean()",
    "(loss * mask).sum() / mask.sum(), or jnp.mean(loss, where=mask)",
    JNP + "mean.html",
)
cause(
    "reduction-other",
    "reduction",
    "the reductions are different functions",
    "x.mean, x.sum, x.amax, x.amin, x.prod, ...",
    "x.mean, x.sum, x.max, x.min, x.prod, ...",
    "reduce as JAX does",
    "reduce as torch does",
    "https://docs.pytorch.org/docs/stable/torch.html#reduction-ops",
)

MASKED = "loss-mean-masked"
Axes = tuple[int, ...]
Reduce = Callable[[Array, Axes], Array]


def take(x: Array, axes: Axes, at: int) -> Array:
    if len(axes) != 1:
        raise ValueError("of one axis only")
    return np.asarray(x.take(at, axes[0]))


def lower_median(x: Array, axes: Axes) -> Array:
    return np.asarray(np.quantile(x, 0.5, axes, method="lower"))


def quantile(x: Array, axes: Axes, q: float) -> Array:
    return np.asarray(np.quantile(x, q, axes))


WAYS: dict[str, Reduce] = {
    "mean": lambda x, a: x.mean(a),
    "sum": lambda x, a: x.sum(a),
    "maximum": lambda x, a: x.max(a),
    "minimum": lambda x, a: x.min(a),
    "product": lambda x, a: x.prod(a),
    "first element": partial(take, at=0),
    "last element": partial(take, at=-1),
    "variance, n": lambda x, a: x.var(a),
    "variance, n - 1": lambda x, a: x.var(a, ddof=1),
    "deviation, n": lambda x, a: x.std(a),
    "deviation, n - 1": lambda x, a: x.std(a, ddof=1),
    "2-norm": lambda x, a: np.sqrt((x * x).sum(a)),
    "1-norm": lambda x, a: np.abs(x).sum(a),
    "largest absolute value": lambda x, a: np.abs(x).max(a),
    "sum of squares": lambda x, a: (x * x).sum(a),
    "mean of squares": lambda x, a: (x * x).mean(a),
    "root of the mean of squares": lambda x, a: np.sqrt((x * x).mean(a)),
    "log-sum-exp": lambda x, a: np.asarray(logsumexp(x, a)),
    "log-mean-exp": lambda x, a: logsumexp(x, a) - np.log(np.prod([x.shape[i] for i in a])),
    "median, the lower one": lower_median,
    "median, mean of the two": lambda x, a: np.asarray(np.median(x, a)),
    "largest singular value": lambda x, a: np.linalg.norm(x, 2, axis=(a[0], a[1])),
}
for q in (0.9, 0.95, 0.99, 0.75, 0.25, 0.1, 0.05):
    WAYS[f"{q} quantile"] = partial(quantile, q=q)
    WAYS[f"{q} percentile"] = partial(quantile, q=q / 100)
    BETWEEN[frozenset((f"{q} quantile", f"{q} percentile"))] = "quantile-vs-percentile"


def between(cause_id: str, *names: str) -> None:
    BETWEEN.update({frozenset(pair): cause_id for pair in combinations(names, 2)})


between("token-for-mean-pooling", "first element", "last element", "mean", "maximum", "sum")
between("max-for-mean-pooling", "maximum", "mean", "sum")
between("logsumexp-for-max", "maximum", "log-sum-exp", "log-mean-exp")
between("reduction-mean-sum", "mean", "sum")
between("reduction-mean-sum", "sum of squares", "mean of squares")
between("reduction-mean-sum", "2-norm", "root of the mean of squares")
between("norm-order", "1-norm", "2-norm", "largest absolute value", "sum of squares")
between("std-for-variance", "variance, n", "deviation, n")
between("std-for-variance", "variance, n - 1", "deviation, n - 1")
between("variance-ddof", "variance, n", "variance, n - 1")
between("variance-ddof", "deviation, n", "deviation, n - 1")
between("norm-default-matrix", "2-norm", "largest singular value")
between("median-even", "median, the lower one", "median, mean of the two")

LARGE = 200_000
"""Elements beyond which only the plain ways are tried."""


@family
def reduced(site: Site) -> Iterator[Variant]:
    """A source reduced to the value's shape, in every way over every set of axes."""
    if not alone(site) or site.first.dtype.kind != "f":
        return
    for place, x in enumerate(x for x in floats(site) if x.size > site.first.size and x.ndim):
        for axes in axes_to(x.shape, site.first.shape):
            for name, way in list(WAYS.items())[: 9 if x.size > LARGE else None]:
                more = ((f"over {axes}", "reduction-axes"), (f"source {place}", "value-from-elsewhere"))
                make = partial(made, way, x, axes, site.first.shape)
                yield Variant((), f"{name} over the axes {axes}", make, name, "reduction-other", more)


def made(way: Reduce, x: Array, axes: Axes, shape: tuple[int, ...]) -> Array:
    return np.asarray(way(x, axes)).reshape(shape)


def axes_to(shape: tuple[int, ...], target: tuple[int, ...]) -> list[Axes]:
    """The sets of axes that leave the target's sizes."""
    wanted = [n for n in target if n != 1]
    every = (axes for count in range(1, len(shape) + 1) for axes in combinations(range(len(shape)), count))
    return [axes for axes in every if [n for i, n in enumerate(shape) if i not in axes and n != 1] == wanted]


@family
def masked_means(site: Site) -> Iterator[Variant]:
    """The mean of a source under a mask, divided by what the mask keeps, or by all, and the sum."""
    if not alone(site) or site.first.dtype.kind != "f":
        return
    for x in floats(site):
        for mask, sense, index in masks_of(site, x):
            kept = mask.reshape(mask.shape + (1,) * (x.ndim - mask.ndim)) & np.ones(x.shape, bool)
            for axes in axes_to(x.shape, site.first.shape):
                total = (x * kept).sum(axes).reshape(site.first.shape)
                n = {"kept": np.maximum(kept.sum(axes), 1), "all": np.ones(x.shape).sum(axes)}
                more = (sense, "mask-inverted"), (index, "mask-other-index")
                for says, count in n.items():
                    make = partial(np.divide, total, count.reshape(site.first.shape))
                    words = f"sum of what {sense} {index}, divided by the number of {says}".replace("  ", " ")
                    yield Variant((), words, make, says, MASKED, more)
                yield Variant((), f"sum of what {sense} {index}".strip(), partial(np.asarray, total), SUM, MASKED, more)
                plain = partial(made, WAYS["mean"], x, axes, site.first.shape)
                yield Variant((), "the mean of all places, masked or not", plain, "unmasked", MASKED, ((ANY, ""),) * 2)


SUM, KEEPS, INDICES = "sum", "the mask keeps", 6
BETWEEN[frozenset((SUM, "kept"))] = "reduction-mean-sum"


def masks_of(site: Site, x: Array) -> Iterator[tuple[Array, str, str]]:
    """What masks keep of the first axes, with how it is said; of indices what is, and what is not, one of them."""
    for m in (m for m in (*site.inputs, *site.given) if m.dtype.kind in "biu" and m.shape == x.shape[: m.ndim]):
        values = np.unique(m)
        if len(values) <= 2 and {*values} <= {0, 1}:
            yield m != 0, KEEPS, ""
            yield m == 0, "the mask leaves out", ""
        elif m.ndim > 1:
            for k in values[:INDICES]:
                yield m != k, "is not", str(k)
                yield m == k, "is", str(k)
