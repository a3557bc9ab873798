"""Going through a JAX program equation by equation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jax.extend.core import ClosedJaxpr, Literal

INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")
"""Parameters that hold the program of a call."""
OPAQUE = ("scan", "while", "cond")
"""What these do inside depends on the data, or is done many times."""
Each = Callable[[Any, Sequence[Any]], list[Any]]
"""(equation, what goes in) -> what it makes."""


def bind(equation: Any, given: Sequence[Any], **params: Any) -> list[Any]:
    """What an equation makes, with some of its parameters replaced."""
    made = equation.primitive.bind(*given, **{**equation.params, **params})
    return list(made) if equation.primitive.multiple_results else [made]


def values(
    program: Any, arguments: Sequence[Any], instead: Mapping[int, Any], make: Each = bind
) -> tuple[list[Any], list[Any]]:
    """The arguments and the results of all equations, those of inner programs in their place; and what the program
    gives. `instead`: by its place among the former what is to stand for a value; `make` makes an equation's results."""
    found = [instead.get(i, value) for i, value in enumerate(arguments)]

    def each(equation: Any, given: Sequence[Any]) -> list[Any]:
        results = [instead.get(len(found) + i, value) for i, value in enumerate(make(equation, given))]
        found.extend(results)
        return results

    return found, run(program, list(found), each)


def run(program: Any, arguments: Sequence[Any], each: Each) -> list[Any]:
    """What a program gives, in which `each` makes the results of an equation. Programs inside are gone through in their
    place."""
    jaxpr = program.jaxpr
    known = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*program.consts, *arguments), strict=True))

    def read(variable: Any) -> Any:
        return variable.val if isinstance(variable, Literal) else known[variable]

    for equation in jaxpr.eqns:
        given = [read(variable) for variable in equation.invars]
        inner = called(equation)
        known |= dict(zip(equation.outvars, run(inner, given, each) if inner else each(equation, given)))
    return [read(variable) for variable in jaxpr.outvars]


def called(equation: Any) -> Any:
    """The program of a call, which does what it does once; None for any other equation."""
    inner = next((equation.params[name] for name in INNER if name in equation.params), None)
    if inner is None or equation.primitive.name in OPAQUE:
        return None
    return inner if isinstance(inner, ClosedJaxpr) else ClosedJaxpr(inner, ())
