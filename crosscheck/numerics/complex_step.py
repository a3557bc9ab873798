"""Derivatives without a step-size compromise, and the adjoint identity that holds a hand-derived pullback to them.

    complex step         J v = Im f(x + i h v) / h                    no subtraction: h = 1e-30, only rounding
    central difference   J v = (f(x + t v) - f(x - t v)) / (2 t)      for what is not analytic; error about 1e-10
    adjoint identity     <u, J v> = <J' u, v>                         one direction v through all arrays, cotangent u

f maps a dict of arrays to an array or a dict of arrays. It is analytic in the sense needed when it decides on real
parts only: relu, max and sorting are; |x|^2 by conjugation, casts to float and functions without a complex version are
not (a cast loses the derivative, and the identity then fails). One random direction checks every component of a
gradient; after a failure, directions through one array each tell which.

Sources: Squire & Trapp, "Using complex variables to estimate derivatives of real functions" (1998); Course 2, week 1,
"Gradient checking".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from crosscheck.numerics.formats import Array

Arrays = Mapping[str, Any]
Program = Callable[[dict[str, Any]], Any]

IMAGINARY_STEP = 1e-30
REAL_STEP = 6e-6  # the cube root of float64's epsilon, where truncation and cancellation meet


@dataclass(frozen=True)
class AdjointIdentity:
    """Both sides of <u, J v> = <J' u, v>. `scale` is the root of the sum of squares of the terms of the right side."""

    forward: float
    backward: float
    scale: float

    @property
    def error(self) -> float:
        """|forward - backward| / scale; infinite if nothing was checked, both sides being made of zeros."""
        return abs(self.forward - self.backward) / self.scale if self.scale else np.inf


def complex_step(f: Program, arrays: Arrays, direction: Arrays) -> dict[str, Array]:
    """J v of every output by one evaluation; arrays that the direction does not name are held."""
    inputs = {name: x + 1j * IMAGINARY_STEP * direction[name] if name in direction else x for name, x in arrays.items()}
    return {name: np.imag(y) / IMAGINARY_STEP for name, y in named(f(inputs)).items()}


def central_difference(f: Program, arrays: Arrays, direction: Arrays, step: float = REAL_STEP) -> dict[str, Array]:
    """J v of every output by two evaluations."""
    ahead, behind = (
        named(f({name: x + t * direction[name] if name in direction else x for name, x in arrays.items()}))
        for t in (step, -step)
    )
    return {name: (ahead[name] - behind[name]) / (2 * step) for name in ahead}


def adjoint_identity(
    f: Program, arrays: Arrays, gradients: Arrays, cotangent: Any, direction: Arrays, analytic: bool = True
) -> AdjointIdentity:
    """The identity for the gradients J' u that a pullback gave for the cotangent u, along v = `direction`."""
    missing = [name for name in direction if name not in gradients]
    if missing:
        raise ValueError(
            f"gradients have no {', '.join(missing)}, which the direction moves; they have {sorted(gradients)}"
        )
    derivative = (complex_step if analytic else central_difference)(f, arrays, direction)
    u = named(cotangent)
    if u.keys() != derivative.keys():
        raise ValueError(f"cotangent has {sorted(u)}; expected one for each output of f, {sorted(derivative)}")
    forward = sum(float(np.sum(u[name] * derivative[name])) for name in u)
    terms = np.concatenate([np.ravel(gradients[name] * v) for name, v in direction.items()])
    return AdjointIdentity(forward, float(terms.sum()), float(np.sqrt((terms * terms).sum())))


def random_like(arrays: Arrays, seed: int) -> dict[str, Array]:
    """A random direction or cotangent: standard normal numbers in the shapes of the arrays."""
    generator = np.random.default_rng(seed)
    return {name: generator.standard_normal(np.shape(x)) for name, x in arrays.items()}


def named(outputs: Any) -> dict[str, Any]:
    return dict(outputs) if isinstance(outputs, Mapping) else {"": outputs}
