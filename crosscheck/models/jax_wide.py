"""JAX programs of float64 that keep float32 somewhere (a softmax, statistics, tables), as they would be without."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from crosscheck.models.interpret import bind, run

WIDER = {np.dtype("float32"): np.dtype("float64"), np.dtype("complex64"): np.dtype("complex128")}
NARROWER = {wide: narrow for narrow, wide in WIDER.items()}
AS_BITS = ("bitcast_convert_type", "nextafter")
"""What these make of a number depends on its format."""
MARK = "crosscheck:"


def named(path: str) -> AbstractContextManager[None]:
    """While open, what is traced is marked as a module's."""
    scope: AbstractContextManager[None] = jax.named_scope(MARK + path)
    return scope


def narrow_places(program: Any) -> tuple[str, ...]:
    """The modules in which float32 is made, in order; "" for code outside of all. If it is only made of float32 that
    the program holds, those."""
    found = list(places(program.jaxpr, ""))
    return tuple(dict.fromkeys([path for path, is_made in found if is_made] or [path for path, _ in found]))


def places(jaxpr: Any, outer: str) -> Iterator[tuple[str, bool]]:
    """Where float32 comes out, and whether none goes in."""
    for equation in jaxpr.eqns:
        marks = re.findall(rf"{MARK}([^/)]*)", str(equation.source_info.name_stack))
        path = marks[-1] if marks else outer
        if any(map(is_narrow, equation.outvars)):
            yield path, not any(map(is_narrow, equation.invars))
        for program in programs(equation):
            yield from places(program, path)


def programs(equation: Any) -> Iterator[Any]:
    """Those that an equation holds."""
    for value in equation.params.values():
        for part in value if isinstance(value, (tuple, list)) else (value,):
            if hasattr(part, "eqns") or hasattr(part, "jaxpr"):
                yield getattr(part, "jaxpr", part)


def is_narrow(variable: Any) -> bool:
    return getattr(variable.aval, "dtype", None) in WIDER


def widened(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function of arrays, in float64 wherever it makes float32."""

    def wide(*args: Any) -> Any:
        program, shape = jax.make_jaxpr(function, return_shape=True)(*args)
        return jax.tree.unflatten(jax.tree.structure(shape), through(program, jax.tree.leaves(args)))

    return wide


def through(program: Any, arguments: Sequence[Any]) -> list[Any]:
    """What a program gives if no equation makes float32."""
    return [cast(value, WIDER) for value in run(program, arguments, wide_bind)]


def wide_bind(equation: Any, given: Sequence[Any]) -> list[Any]:
    """What an equation makes, in float64 where it would make float32."""
    if equation.primitive.name in AS_BITS:
        given = [cast(value, NARROWER) if is_narrow(v) else value for v, value in zip(equation.invars, given)]
        return [cast(value, WIDER) for value in bind(equation, given)]
    if not any(map(is_narrow, (*equation.invars, *equation.outvars))) and not [*programs(equation)]:
        return bind(equation, given)
    given = [as_written(v, value) if is_narrow(v) else value for v, value in zip(equation.invars, given)]
    return bind(equation, given, **{name: wide_param(value) for name, value in equation.params.items()})


def as_written(variable: Any, value: Any) -> Any:
    """A number that stands in the program is 1e-5 if that was written, not what float32 left of it."""
    if isinstance(variable, Literal) and np.ndim(value) == 0 and np.result_type(value) == np.float32:
        return np.float64(str(np.float32(value)))
    return cast(value, WIDER)


def wide_param(value: Any) -> Any:
    """A parameter of an equation: a dtype, an array's type, a program, or several."""
    if isinstance(value, tuple) and any(isinstance(part, (ClosedJaxpr, ShapedArray)) for part in value):
        parts = map(wide_param, value)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, Jaxpr):
        return wide_param(ClosedJaxpr(value, ())).jaxpr
    if isinstance(value, ClosedJaxpr):
        shapes = [jax.ShapeDtypeStruct(a.shape, WIDER.get(a.dtype, a.dtype)) for a in value.in_avals]
        return jax.make_jaxpr(lambda *args: through(value, args))(*shapes)
    if isinstance(value, ShapedArray):
        return value.update(dtype=WIDER.get(value.dtype, value.dtype))
    return WIDER.get(value, value) if isinstance(value, np.dtype) else value


def cast(value: Any, into: Mapping[Any, Any]) -> Any:
    dtype = jax.numpy.result_type(value)
    return jax.lax.convert_element_type(value, into[dtype]) if dtype in into else value
