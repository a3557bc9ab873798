"""An array that carries more than its values through code written for plain NumPy arrays.

The reference's forward and backward are written once, on whatever honours NumPy's two dispatch protocols. A carrier
wraps a float64 array and receives every operation on it; a number type says what seven kinds of operation mean:

    _compute      elementwise arithmetic and functions: add, multiply, divide, sqrt, exp, ...
    _matmul       products of matrices, to which dot, tensordot and einsum are reduced (contraction.py)
    _sum          sums over axes; a mean is a sum and a division
    _rearrange    the same numbers in other places: reshape, slice, pad with zeros, concatenate, ...
    _pick         numbers from places given by an array: X[index], take, take_along_axis
    _choose       numbers chosen by their size: where, maximum, max, sort, sign, ...
    _decide       answers about numbers, which are not numbers themselves: comparisons, argmax, ...

A carrier is not an ndarray, so an operation that nobody gave a meaning to is an error and never a silent loss.
Carriers are immutable, and mixed with plain arrays and Python numbers they win.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, Self

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from crosscheck.numerics import contraction, dispatch
from crosscheck.numerics.formats import Array

Function = Callable[..., Any]


class Carrier(NDArrayOperatorsMixin):
    __slots__ = ("value",)

    value: Array

    def _compute(self, ufunc: np.ufunc, *operands: Any) -> Any:
        raise NotImplementedError

    def _matmul(self, A: Any, B: Any) -> Any:
        raise NotImplementedError

    def _sum(self, axes: tuple[int, ...], keepdims: bool) -> Any:
        raise NotImplementedError

    def _rearrange(self, function: Function, *parts: Any) -> Any:
        raise NotImplementedError

    def _pick(self, function: Function, x: Any, index: Any) -> Any:
        raise NotImplementedError

    def _choose(self, function: Function, *parts: Any) -> Any:
        raise NotImplementedError

    def _decide(self, function: Function, *parts: Any) -> Any:
        raise NotImplementedError

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "reduce" and ufunc in dispatch.REDUCTIONS:
            return dispatch.REDUCTIONS[ufunc](*inputs, **kwargs)
        if method == "accumulate" and ufunc in (np.maximum, np.minimum):
            return self._choose(lambda v: ufunc.accumulate(v, **kwargs), *inputs)
        if method != "__call__" or kwargs:
            how = "in place" if "out" in kwargs or method == "at" else f"as {method} with {sorted(kwargs)}"
            raise TypeError(f"np.{ufunc.__name__} {how} has no meaning for {type(self).__name__}")
        if ufunc in dispatch.DECISIONS:
            return self._decide(ufunc, *inputs)
        if ufunc in dispatch.CHOICES:
            return self._choose(ufunc, *inputs)
        if ufunc in dispatch.DERIVED:
            return dispatch.DERIVED[ufunc](self, *inputs)
        return self._compute(ufunc, *inputs)

    def __array_function__(self, function: Function, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if function not in dispatch.FUNCTIONS:
            name = function.__name__
            raise TypeError(f"np.{name} has no meaning for {type(self).__name__}: write it as primitives that have")
        return dispatch.FUNCTIONS[function](self, *args, **kwargs)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        raise TypeError(f"{type(self).__name__} would lose what it carries as a plain array; take .value on purpose")

    def __getitem__(self, index: Any) -> Any:
        return self._pick(lambda v, i: v[i], self, index)

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r})"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def size(self) -> int:
        return self.value.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.value.dtype

    @property
    def real(self) -> Self:
        return self

    @property
    def T(self) -> Any:
        return self.transpose()

    def reshape(self, *shape: Any) -> Any:
        return self._rearrange(lambda v: v.reshape(*shape), self)

    def transpose(self, *axes: Any) -> Any:
        return self._rearrange(lambda v: v.transpose(*axes), self)

    def swapaxes(self, first: int, second: int) -> Any:
        return self._rearrange(lambda v: v.swapaxes(first, second), self)

    def squeeze(self, axis: Any = None) -> Any:
        return self._rearrange(lambda v: v.squeeze(axis), self)

    def ravel(self) -> Any:
        return self.reshape(-1)

    flatten = ravel

    def copy(self) -> Self:
        return self

    def repeat(self, repeats: Any, axis: int | None = None) -> Any:
        return self._rearrange(lambda v: v.repeat(repeats, axis), self)

    def take(self, indices: Any, axis: int | None = None) -> Any:
        return self._pick(lambda v, i: v.take(i, axis), self, indices)

    def clip(self, low: Any = None, high: Any = None) -> Any:
        return np.clip(self, low, high)

    def dot(self, other: Any) -> Any:
        return contraction.dot(self, other)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        return self._sum(axes_of(self.ndim, axis), keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        return self.sum(axis, keepdims) / prod(self.shape[i] for i in axes_of(self.ndim, axis))

    def max(self, axis: Any = None, keepdims: bool = False) -> Any:
        return self._choose(lambda v: v.max(axis=axis, keepdims=keepdims), self)

    def min(self, axis: Any = None, keepdims: bool = False) -> Any:
        return self._choose(lambda v: v.min(axis=axis, keepdims=keepdims), self)

    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Any:
        return self._decide(lambda v: v.argmax(axis, keepdims=keepdims), self)

    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Any:
        return self._decide(lambda v: v.argmin(axis, keepdims=keepdims), self)

    def all(self, axis: Any = None, keepdims: bool = False) -> Any:
        return self._decide(lambda v: v.all(axis=axis, keepdims=keepdims), self)

    def any(self, axis: Any = None, keepdims: bool = False) -> Any:
        return self._decide(lambda v: v.any(axis=axis, keepdims=keepdims), self)


def axes_of(ndim: int, axis: Any) -> tuple[int, ...]:
    """The axes that `axis` means, as non-negative numbers: None is all of them."""
    axes = range(ndim) if axis is None else axis if isinstance(axis, Sequence) else (axis,)
    return tuple(int(i) % ndim for i in axes)


def map_leaves(function: Function, tree: Any) -> Any:
    """The same nest of dicts, lists and tuples with function(leaf) for every leaf."""
    if isinstance(tree, Mapping):
        return {name: map_leaves(function, part) for name, part in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(map_leaves(function, part) for part in tree)
    return function(tree)


def values(tree: Any) -> Any:
    """The same nest with the plain array of every carrier; other leaves stay as they are."""
    return map_leaves(lambda leaf: leaf.value if isinstance(leaf, Carrier) else leaf, tree)
