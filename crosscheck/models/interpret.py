"""Every value that a JAX program computes, by going through its equations one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jax.extend.core import ClosedJaxpr, Literal

INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")
"""Parameters that hold the program of a call."""
OPAQUE = ("scan", "while", "cond")
"""What these do inside depends on the data, or is done many times."""


def values(program: Any, arguments: Sequence[Any], instead: Mapping[int, Any]) -> tuple[list[Any], list[Any]]:
    """The arguments and the results of all equations, those of inner programs in their place; and what the program
    gives. `instead`: by its place among the former what is to stand for a value."""
    found = [instead.get(i, value) for i, value in enumerate(arguments)]
    given = run(program.jaxpr, program.consts, list(found), found, instead)
    return found, given


def run(
    jaxpr: Any, consts: Sequence[Any], arguments: Sequence[Any], found: list[Any], instead: Mapping[int, Any]
) -> list[Any]:
    known = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *arguments), strict=True))

    def read(variable: Any) -> Any:
        return variable.val if isinstance(variable, Literal) else known[variable]

    for equation in jaxpr.eqns:
        given = [read(variable) for variable in equation.invars]
        inner = next((equation.params[name] for name in INNER if name in equation.params), None)
        if inner is not None and equation.primitive.name not in OPAQUE:
            closed = inner if isinstance(inner, ClosedJaxpr) else ClosedJaxpr(inner, ())
            results = run(closed.jaxpr, closed.consts, given, found, instead)
        else:
            made = equation.primitive.bind(*given, **equation.params)
            results = list(made) if equation.primitive.multiple_results else [made]
            results = [instead.get(len(found) + i, value) for i, value in enumerate(results)]
            found += results
        known |= dict(zip(equation.outvars, results))
    return [read(variable) for variable in jaxpr.outvars]
