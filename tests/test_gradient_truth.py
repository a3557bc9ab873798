"""Every hand-derived pullback of the reference against complex steps: <u, J v> = <J' u, v>.

One random direction v through all parameters and inputs checks the whole gradient; a complex step has no step size to
choose, and decides branches on the real part, so kinks do not disturb it.
"""

import numpy as np
import pytest

from crosscheck.backends.base import astuple
from crosscheck.case import all_cases
from crosscheck.numerics.complex_step import adjoint_identity, central_difference, complex_step, random_like
from crosscheck.session import Session
from reference.module import Mode, nest

CASES = [case for case in all_cases() if case.differentiable]
SMOOTH = [
    case
    for case in CASES
    if case.target.startswith("layers.") and not any(spec.endswith("integers") for spec in case.inputs.values())
]


def at(case):
    """The point and its gradients, all in one flat dict, and the forward pass as a function of that dict."""
    session = Session(case, ["numpy"])
    feed, subject = session.feed(), session.oracle
    seen = subject.observe(feed, train=True).tensors
    floats = {name: value for name, value in feed.inputs.items() if not subject.is_data(name)}
    arrays = {f"p {path}": value for path, value in feed.params.items()} | {f"x {n}": v for n, v in floats.items()}
    gradients = {f"p {key.path}": value for key, value in seen.items() if key.kind == "gradient"}
    gradients |= {f"x {key.path}": value for key, value in seen.items() if key.kind == "input gradient"}

    def forward(values):
        params = {path: values[f"p {path}"] for path in feed.params}
        inputs = [values.get(f"x {name}", value) for name, value in feed.inputs.items()]
        if not hasattr(subject.module, "parts"):
            return outputs(subject.module(*inputs)[0])
        mode = Mode(True, lambda path, shape: feed.uniforms[path])
        return outputs(subject.module(nest(params), nest(feed.state), *inputs, mode=mode)[0])

    return forward, arrays, gradients, outputs(feed.cotangents), session.reference_pass(True).floors


def constants(case):
    """Inputs that the case declares to have no gradient."""
    return {f"x {name.removeprefix('input gradient ')}" for name in case.vacuous if name.startswith("input gradient ")}


def outputs(values):
    return {str(i): value for i, value in enumerate(astuple(values))}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_pullback_is_the_adjoint_of_the_complex_step(case):
    forward, arrays, gradients, u, floors = at(case)
    v = random_like(arrays, seed=1)
    for name in constants(case) & v.keys():  # their gradient is stopped on purpose, which no difference can know
        assert not gradients[name].any()
        v[name] = np.zeros_like(v[name])
    identity = adjoint_identity(forward, arrays, gradients, u, v)
    assert identity.error <= 1e-12, f"{case.name}: <u, Jv> = {identity.forward}, <J'u, v> = {identity.backward}"
    sigmas = {f"{'p' if key.kind == 'gradient' else 'x'} {key.path}": floor.element for key, floor in floors.items()}
    noise = np.sqrt(sum(float(np.sum((sigmas[name] * v[name]) ** 2)) for name in v))
    own = np.sqrt(sum(float(np.sum((u[i] * y) ** 2)) for i, y in complex_step(forward, arrays, v).items()))
    derived = 24 * (noise + np.finfo(float).eps * own)
    assert abs(identity.forward - identity.backward) <= derived, f"{case.name}: beyond the noise of its own arithmetic"


@pytest.mark.parametrize("case", SMOOTH[::7], ids=lambda case: case.name)
def test_complex_step_agrees_with_central_differences(case):
    """Away from the kinks that whole numbers hit, and that a deep net has everywhere: a difference straddles them."""
    forward, arrays, _, _, _ = at(case)
    v = random_like(arrays, seed=2)
    exact, rough = complex_step(forward, arrays, v), central_difference(forward, arrays, v)
    for name, value in exact.items():
        assert np.allclose(value, rough[name], rtol=1e-6, atol=1e-7 * (1 + np.abs(value).max()))


def test_a_wrong_pullback_is_seen():
    case = next(case for case in CASES if case.name == "layers.batch_norm.BatchNorm")
    forward, arrays, gradients, u, _ = at(case)
    v = random_like(arrays, seed=1)
    slipped = gradients | {"x Z": gradients["x Z"] * (1 + 1e-9)}
    assert adjoint_identity(forward, arrays, slipped, u, v).error > 1e-12
    assert adjoint_identity(forward, arrays, {k: np.zeros_like(g) for k, g in gradients.items()}, u, v).error > 1
