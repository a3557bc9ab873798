"""Rules of thumb by which ports are compared elsewhere, |actual - expected| <= atol + rtol |expected| everywhere.

They are given what such a comparison has: outputs, gradients by parameters and inputs, running statistics; in training
also the loss and the parameters after each step. Not what a trace of submodules knows, nor optimizers' moments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from crosscheck.axes import Array
from crosscheck.backends.base import Rule
from crosscheck.observation import Observation
from crosscheck.rungs.state import after_batches
from crosscheck.rungs.training import steps
from crosscheck.session import Session

KINDS = {"output", "gradient", "input gradient", "state", "loss", "parameter"}

Tolerance = tuple[float, float]

ALLCLOSE, CLOSE, THOUSANDTH = "numpy.testing.assert_allclose", "torch.testing.assert_close", "rtol=1e-3, atol=1e-4"

TOLERANCES: Mapping[str, Mapping[str, Tolerance]] = {
    ALLCLOSE: dict.fromkeys(("float64", "float32", "bfloat16", "float16"), (1e-7, 0.0)),
    CLOSE: {"float64": (1e-7, 1e-7), "float32": (1.3e-6, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float16": (1e-3, 1e-5)},
    THOUSANDTH: dict.fromkeys(("float64", "float32", "bfloat16", "float16"), (1e-3, 1e-4)),
}
"""(rtol, atol) that each rule has for a dtype when nobody says otherwise."""


def refusals(session: Session, rules: Sequence[Rule] = ()) -> dict[str, bool]:
    """Whether each rule of thumb refuses some column when it is compared with the reference. A crash nobody misses."""
    try:
        runs = list(witnessed(session, rules))
    except Exception:
        return dict.fromkeys(TOLERANCES, True)
    return {
        name: any(refuses(run, *tolerances[session.dtype]) for run in runs) for name, tolerances in TOLERANCES.items()
    }


def witnessed(session: Session, rules: Sequence[Rule]) -> Iterator[list[Observation]]:
    """What all columns did, the reference first: in every pass, after several batches, and in every step."""
    columns = session.running()
    for train in session.passes():
        yield [session.observe(column, train) for column in columns]
    if session.feed().state:
        yield [after_batches(session, column) for column in columns]
    if rules:
        yield from (seen for _, _, seen in steps(session, rules))


def refuses(run: list[Observation], rtol: float, atol: float) -> bool:
    reference, *others = run
    return any(
        not close(other.tensors.get(key), expected, rtol, atol)
        for other in others
        for key, expected in reference.tensors.items()
        if key.kind in KINDS
    )


def close(actual: Array | None, expected: Array, rtol: float, atol: float) -> bool:
    """Whether the rule passes: equal shapes, NaN nowhere, every element within its allowance."""
    if actual is None or actual.shape != expected.shape:
        return False
    actual, expected = actual.astype(np.float64), expected.astype(np.float64)
    with np.errstate(invalid="ignore"):  # the difference of two infinities
        near = np.abs(actual - expected) <= atol + rtol * np.abs(expected)
    return bool(np.all((actual == expected) | (near & np.isfinite(expected))))
