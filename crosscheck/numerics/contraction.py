"""Every sum of products of two arrays as matrix products, so that a number type needs to define only those.

    einsum "b r k, b k c -> b r c":    b in both operands and in the result    (batch)
                                       k in both operands, summed              (contracted)
                                       r only in the first, c only in the second

Axes are permuted to this order, joined to one axis of each kind, multiplied with `@`, taken apart and permuted back.
An axis of one operand that is not in the result is summed beforehand; without a contracted axis there is nothing to
sum and the result is an elementwise product.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

LETTERS = "abcdefghijklmnopqrstuvwxyz"
HIDDEN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # name the axes that an ellipsis stands for


def matmul(a: Any, b: Any, product: Callable[[Any, Any], Any]) -> Any:
    """a @ b from a product of matrices (or stacks of them): a vector is a row on the left and a column on the right."""
    row, column = a.ndim == 1, b.ndim == 1
    result = product(a.reshape(1, -1) if row else a, b.reshape(-1, 1) if column else b)
    if row:
        result = result[..., 0, :]
    return result[..., 0] if column else result


def dot(a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    return a @ b if b.ndim <= 2 else tensordot(a, b, (-1, -2))


def inner(a: Any, b: Any) -> Any:
    return tensordot(a, b, (-1, -1))


def outer(a: Any, b: Any) -> Any:
    return a.reshape(-1, 1) * b.reshape(1, -1)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    if isinstance(axes, int):
        axes = (range(a.ndim - axes, a.ndim), range(axes))
    left, right = ([axis] if isinstance(axis, int) else list(axis) for axis in axes)
    names_a, names_b = list(LETTERS[: a.ndim]), list(HIDDEN[: b.ndim])
    for i, j in zip(left, right):
        names_b[j] = names_a[i]
    result = [name for name in names_a + names_b if not (name in names_a and name in names_b)]
    return contract(a, names_a, b, names_b, result)


def einsum(spec: str, *operands: Any) -> Any:
    *names, result = parse(spec, [x.ndim for x in operands])
    if len(operands) == 1:
        return arrange(summed(operands[0], names[0], result), result)
    if len(operands) != 2:
        raise TypeError(
            f"einsum {spec!r} has {len(operands)} operands; contract two at a time, so that the order is said"
        )
    return contract(operands[0], names[0], operands[1], names[1], result)


def contract(a: Any, names_a: list[str], b: Any, names_b: list[str], result: list[str]) -> Any:
    a, names_a = summed(a, names_a, names_b + result)
    b, names_b = summed(b, names_b, names_a + result)
    sizes = dict(zip(names_a, a.shape)) | dict(zip(names_b, b.shape))
    contracted = [name for name in names_a if name in names_b and name not in result]
    if not contracted:
        return spread(a, names_a, result) * spread(b, names_b, result)
    batch = [name for name in names_a if name in names_b and name in result]
    rows = [name for name in names_a if name not in names_b]
    columns = [name for name in names_b if name not in names_a]
    A = joined((a, names_a), [batch, rows, contracted], sizes)
    B = joined((b, names_b), [batch, contracted, columns], sizes)
    order = batch + rows + columns
    return arrange(((A @ B).reshape([sizes[name] for name in order]), order), result)


def joined(labeled: tuple[Any, list[str]], groups: Sequence[list[str]], sizes: dict[str, int]) -> Any:
    """The axes of each group as one axis, the groups in order; an empty batch group is left out."""
    x = arrange(labeled, [name for group in groups for name in group])
    kept = groups if groups[0] else groups[1:]
    return x.reshape([prod(sizes[name] for name in group) for group in kept])


def arrange(labeled: tuple[Any, list[str]], order: list[str]) -> Any:
    x, names = labeled
    return x if names == order else x.transpose([names.index(name) for name in order])


def spread(x: Any, names: list[str], result: list[str]) -> Any:
    """x with its axes in the order of the result, and an axis of size 1 for each that it lacks."""
    x = arrange((x, names), [name for name in result if name in names])
    return x[tuple(slice(None) if name in names else None for name in result)]


def summed(x: Any, names: list[str], kept: list[str]) -> tuple[Any, list[str]]:
    gone = tuple(i for i, name in enumerate(names) if name not in kept)
    return (x.sum(axis=gone), [name for name in names if name in kept]) if gone else (x, names)


def parse(spec: str, ndims: list[int]) -> list[list[str]]:
    """The axis names of each operand and of the result, an ellipsis written out."""
    given, arrow, result = spec.replace(" ", "").partition("->")
    terms = given.split(",")
    if not arrow or len(terms) != len(ndims):
        raise ValueError(f"einsum {spec!r} must name {len(ndims)} operands and, after ->, the result")
    hidden = [n - len(term.replace("...", "")) for term, n in zip(terms, ndims)]
    written = [term.replace("...", HIDDEN[-count:] if count else "") for term, count in zip(terms, hidden)]
    written.append(result.replace("...", HIDDEN[-max(hidden) :] if max(hidden) else ""))
    for term, n in zip(written, ndims):
        if len(set(term)) != len(term) or len(term) != n:
            raise ValueError(f"einsum {spec!r}: {term!r} must name each of {n} axes once")
    return [list(term) for term in written]
