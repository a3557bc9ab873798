"""The smallest relative change that is caught: of an epsilon, a momentum, a slope and a gain, by dtype.

    python -m crosscheck.sensitivity [--dtypes float64,float32]

A change of relative size d is made in the PyTorch column alone, d falling in half decades from 10^4; the smallest one
that every one of three seeds still shows is printed, for a layer alone and inside a net. Prints a Markdown table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import typer

from crosscheck.agreement import compare
from crosscheck.case import select
from crosscheck.rungs.precision import KINDS
from crosscheck.session import Session

SEEDS = (0, 1, 2)
HALF_DECADES = range(8, -33, -1)


class Change(NamedTuple):
    """What is changed, in which case, and how: `turn(torch module, d)`."""

    name: str
    case: str
    turn: Callable[[Any, float], None]


def scale_attribute(kind: str, name: str) -> Callable[[Any, float], None]:
    """Multiply an attribute of the first module of a class by 1 + d."""

    def turn(module: Any, d: float) -> None:
        part = next(part for part in module.modules() if type(part).__name__ == kind)
        setattr(part, name, getattr(part, name) * (1 + d))

    return turn


def scale_slope(module: Any, d: float) -> None:
    function = module.function
    module.function = type(function)(function.func, slope=function.keywords["slope"] * (1 + d))


def scale_output(kind: str) -> Callable[[Any, float], None]:
    """Multiply the output of the first module of a class by 1 + d."""

    def turn(module: Any, d: float) -> None:
        part = next(part for part in module.modules() if type(part).__name__ == kind)
        part.register_forward_hook(lambda part, inputs, output: output * (1 + d))

    return turn


LAYER, NET = "layers.batch_norm.BatchNorm", "nets.deep_net.DeepNet/batch-norm"
CHANGES = (
    Change("batch norm epsilon 1e-5 (1 + d), layer", LAYER, scale_attribute("BatchNorm", "eps")),
    Change("batch norm epsilon 1e-5 (1 + d), net", NET, scale_attribute("BatchNorm", "eps")),
    Change("batch norm momentum 0.1 (1 + d), layer", LAYER, scale_attribute("BatchNorm", "momentum")),
    Change("batch norm momentum 0.1 (1 + d), net", NET, scale_attribute("BatchNorm", "momentum")),
    Change("leaky slope 0.3 (1 + d), layer", "layers.activations.leaky_relu/slope", scale_slope),
    Change("dense gain 1 + d, layer", "layers.dense.Dense", scale_output("Dense")),
    Change("dense gain 1 + d, net", "nets.deep_net.DeepNet", scale_output("Dense")),
    Change("convolution gain 1 + d, layer", "layers.conv.Conv", scale_output("Conv")),
)


def is_caught(change: Change, dtype: str, d: float) -> bool:
    """Whether every seed shows the change."""
    (case,) = select([change.case])
    for seed in SEEDS:
        session = Session(case, ["numpy", "torch"], (dtype,), seed=seed, dtype=dtype)
        change.turn(session.subject("torch").module, d)  # type: ignore[attr-defined]
        verdicts = compare(session.observe_all(True), session.reference_pass(True), KINDS)
        if all(verdict.agrees for verdict in verdicts):
            return False
    return True


def smallest(change: Change, dtype: str) -> str:
    """The smallest d caught, as 1e-9 or 3e-10, or "none"."""
    caught = ""
    for half in HALF_DECADES:
        d = 10 ** (half / 2)
        if not is_caught(change, dtype, d):
            break
        caught = f"{'1' if half % 2 == 0 else '3'}e{half // 2}"
    return caught or "none"


def main(dtypes: Annotated[str, typer.Option()] = "float64,float32") -> None:
    columns = dtypes.split(",")
    typer.echo(f"| change | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for change in CHANGES:
        typer.echo(f"| {change.name} | {' | '.join(smallest(change, dtype) for dtype in columns)} |")


if __name__ == "__main__":
    typer.run(main)
