"""What NumPy's functions mean for a carrier: each is one of its kinds of operation, or is made of others that are.

A handler is called with the carrier that NumPy asked first, which lends its methods, and then the function's own
arguments. What is not in these tables has no meaning and is refused.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from crosscheck.numerics import contraction

Handler = Callable[..., Any]


def rearranging(function: Handler) -> Handler:
    return lambda self, x, *args, **kwargs: self._rearrange(lambda v: function(v, *args, **kwargs), x)


def joining(function: Handler) -> Handler:
    return lambda self, parts, *args, **kwargs: self._rearrange(lambda *v: function(v, *args, **kwargs), *parts)


def choosing(function: Handler) -> Handler:
    return lambda self, x, *args, **kwargs: self._choose(lambda v: function(v, *args, **kwargs), x)


def deciding(function: Handler) -> Handler:
    return lambda self, x, *args, **kwargs: self._decide(lambda v: function(v, *args, **kwargs), x)


def describing(function: Handler) -> Handler:
    """A function of the shape and type alone, whose result is plain."""
    return lambda self, x, *args, **kwargs: function(x.value, *args, **kwargs)


def derived(function: Handler) -> Handler:
    """A function that the handler makes of other functions, without the carrier's own methods."""
    return lambda self, *args, **kwargs: function(*args, **kwargs)


def method(name: str) -> Handler:
    return lambda self, x, *args, **kwargs: getattr(x, name)(*args, **kwargs)


def power(self: Any, x: Any, n: Any) -> Any:
    """A small whole power is a chain of products, and a half is a square root."""
    if np.ndim(n) or n not in (-2, -1, 0.5, 1, 2, 3, 4):
        return self._compute(np.power, x, n)
    if n == 0.5:
        return np.sqrt(x)
    if n < 0:
        return 1 / power(self, x, -n)
    return x if n == 1 else x * power(self, x, n - 1)


def clip(x: Any, low: Any = None, high: Any = None) -> Any:
    x = x if low is None else np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


def pad(self: Any, x: Any, width: Any, mode: str = "constant", *, constant_values: Any = 0) -> Any:
    """Padding adds zeros or copies, which are moves, or other constants, which are not."""
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap"):
        raise TypeError(f"np.pad in mode {mode!r} has no meaning for {type(self).__name__}: write it as primitives")
    border: Handler = np.pad
    if np.any(constant_values):
        return self._choose(lambda v: border(v, width, mode, constant_values=constant_values), x)
    return self._rearrange(lambda v: border(v, width, mode), x)


def take(self: Any, x: Any, indices: Any, axis: int | None = None) -> Any:
    return self._pick(lambda v, i: np.take(v, i, axis), x, indices)


def take_along_axis(self: Any, x: Any, indices: Any, axis: int | None = -1) -> Any:
    return self._pick(lambda v, i: np.take_along_axis(v, i, axis), x, indices)


def array_split(x: Any, sections: Any, axis: int = 0) -> list[Any]:
    return [x.take(places, axis) for places in np.array_split(np.arange(x.shape[axis]), sections)]


def cumsum(x: Any, axis: int = -1) -> Any:
    """Each place holds the sum of the terms up to it: a product with a triangle of ones."""
    x = np.moveaxis(x, axis, -1)
    return np.moveaxis(x @ np.triu(np.ones((x.shape[-1], x.shape[-1]))), -1, axis)


DECISIONS = {
    *(np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal),
    *(np.logical_and, np.logical_or, np.logical_not, np.logical_xor),
    *(np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert),
    *(np.isfinite, np.isnan, np.isinf, np.signbit),
}

CHOICES = {
    np.maximum,
    np.minimum,
    np.fmax,
    np.fmin,
    np.absolute,
    np.fabs,
    np.sign,
    np.floor,
    np.ceil,
    np.trunc,
    np.rint,
}

DERIVED: dict[Any, Handler] = {
    np.matmul: lambda self, a, b: contraction.matmul(a, b, self._matmul),
    np.power: power,
    np.float_power: power,
    np.square: lambda self, x: x * x,
    np.reciprocal: lambda self, x: 1 / x,
    np.positive: lambda self, x: x,
}

REDUCTIONS: dict[Any, Handler] = {
    np.add: lambda x, axis=0, keepdims=False: x.sum(axis, keepdims),
    np.maximum: lambda x, axis=0, keepdims=False: x.max(axis, keepdims),
    np.minimum: lambda x, axis=0, keepdims=False: x.min(axis, keepdims),
}

REARRANGING: tuple[Handler, ...] = (
    *(np.reshape, np.transpose, np.moveaxis, np.rollaxis, np.expand_dims, np.broadcast_to, np.flip, np.rot90, np.roll),
    *(np.tile, np.diagonal, np.tril, np.triu, np.atleast_1d, np.atleast_2d, np.atleast_3d),
    np.lib.stride_tricks.sliding_window_view,
)
JOINING: tuple[Handler, ...] = (np.concatenate, np.stack, np.vstack, np.hstack, np.column_stack)
METHODS: tuple[Handler, ...] = (
    *(np.sum, np.mean, np.max, np.min, np.argmax, np.argmin, np.all, np.any),
    *(np.repeat, np.squeeze, np.ravel, np.copy, np.swapaxes),
)
DESCRIBING: tuple[Handler, ...] = (
    *(np.shape, np.ndim, np.size, np.iscomplexobj, np.isrealobj),
    *(np.zeros_like, np.ones_like, np.full_like, np.empty_like),
)

FUNCTIONS: dict[Handler, Handler] = {
    **{f: rearranging(f) for f in REARRANGING},
    **{f: joining(f) for f in JOINING},
    **{f: choosing(f) for f in (np.sort, np.partition)},
    **{f: deciding(f) for f in (np.argsort, np.argpartition)},
    **{f: describing(f) for f in DESCRIBING},
    **{f: method(f.__name__.removeprefix("a")) for f in (np.amax, np.amin)},
    **{f: method(f.__name__) for f in METHODS},
    np.where: lambda self, condition, x, y: self._choose(np.where, condition, x, y),
    np.take: take,
    np.take_along_axis: take_along_axis,
    np.pad: pad,
    np.clip: derived(clip),
    np.cumsum: derived(cumsum),
    np.split: derived(array_split),
    np.array_split: derived(array_split),
    np.dot: derived(contraction.dot),
    np.inner: derived(contraction.inner),
    np.outer: derived(contraction.outer),
    np.tensordot: derived(contraction.tensordot),
    np.einsum: derived(contraction.einsum),
}
