"""crosscheck: proves that implementations of one network in NumPy, PyTorch and JAX compute the same thing.

    report = crosscheck.compare(torch_model, flax_model, inputs)    two models of your own: where they part, and why
    crosscheck.assert_agree(torch_model, flax_model, inputs)        the same in a test
    crosscheck.pair(torch_model, flax_model, inputs)                which parameter is which
    crosscheck.convert(weights, torch_model, flax_model, inputs)    one model's weights as the other's

Importing this imports no framework.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crosscheck.axes import Array
    from crosscheck.pairing.links import Pairing
    from crosscheck.twins.disagreement import Disagreement
    from crosscheck.twins.report import Report

__all__ = ["Disagreement", "Pairing", "Report", "assert_agree", "compare", "convert", "pair"]

LAZY = {
    "Report": "crosscheck.twins.report",
    "Pairing": "crosscheck.pairing.links",
    "Disagreement": "crosscheck.twins.disagreement",
}
RUNGS = ("eval", "train", "given", "precision")


def __getattr__(name: str) -> Any:
    if name in LAZY:
        from importlib import import_module

        return getattr(import_module(LAZY[name]), name)
    raise AttributeError(f"module 'crosscheck' has no attribute {name!r}")


def compare(
    first: Any,
    second: Any,
    inputs: Any,
    *,
    pairing: Mapping[str, Any] | Pairing | str | Path | None = None,
    rungs: tuple[str, ...] = RUNGS,
    optimizers: tuple[Any, Any] | None = None,
    seed: int = 0,
    progress: Callable[[str], None] = lambda what: None,
) -> Report:
    """Take two models up the ladder; say where they first part, and why.

    Both get the same weights, through a pairing that is found, and the same inputs. Neither is changed: copies are run,
    and modes, hooks, random state and settings are as before afterwards, whatever happens.

    first, second
        a torch.nn.Module; a flax.nnx.Module; (flax.linen module, variables); (function, pytree of parameters) for plain
        JAX, Haiku or Equinox; a net of `reference`, alone, as (net, parameters) or (net, (parameters, state)); or a
        function of arrays. In any order, also twice the same framework.
    inputs
        an array of any framework, or a list of them for several positional inputs; a dict for keyword arguments; or
        specs from which they are drawn, a string each, or several in one string with ";" between:
            "x: n c h w = 2 3 64 64 float32"       normal numbers
            "ids: n t = 2 16 int64 below 1000"     whole numbers from 0 to 999
            "mask: n t = 2 16 bool"                true and false
            "x: n c h w = batch.npy"               what a file holds
            "x: n c h w | n h w c = 2 3 64 64"     left of "|" what the first model takes, right of it the second
        Without "|" the second model is tried with the channels of images at either end.
    pairing
        parameters that are not paired as they should be: {path in the first: path in the second}, or, with the layout
        as einops writes it, {path: (path, "o i -> i o")}. Or a whole Pairing, or the file that `crosscheck layout -o`
        wrote.
    rungs
        eval: outputs and every gradient in evaluation mode at random weights; train: the same in training mode, and the
        buffers afterwards; given: as eval at the first model's own weights; precision: outputs in the models' own
        dtype. The first three in float64 where both models can be run in it.
    optimizers
        the first model's and the second's, to compare by how much three steps move each parameter too: a
        torch.optim.Optimizer over the torch model's parameters, an optax.GradientTransformation, a flax.nnx.Optimizer,
        or one of reference.training.optimizers. Both start anew and are handed the same gradients.
    seed
        of whatever is drawn. progress: called with a few words before each step that takes time.

    Returns a Report. What a model raises is in the report too: `report.problem`. Raises TypeError for what is no model,
    and ValueError for inputs, rungs and pairings that do not fit.

        report = crosscheck.compare(torch_net, flax_net, "x: n c h w = 2 3 32 32")
        print(report)                                  # one screen
        report.agree, report.first_divergence, report.causes, report.tensors
        report.write_html("report.html")
        report.reproduction("issue/")                  # the diverging layer alone, as a script
    """
    from crosscheck.pairing.saved import opened
    from crosscheck.twins.compare import compare as run

    return run(
        first, second, inputs, pairing=opened(pairing), rungs=rungs, optimizers=optimizers, seed=seed, progress=progress
    )


def assert_agree(first: Any, second: Any, inputs: Any, **options: Any) -> Report:
    """Compare two models; raise Disagreement, an AssertionError whose message is the report, unless they agree.

    The arguments are those of `compare`. Returns the report, which `Disagreement` has too, as `report`.

        def test_the_port():
            crosscheck.assert_agree(torch_net, flax_net, "x: n c h w = 2 3 32 32", rungs=("eval", "train"))
    """
    __tracebackhide__ = True
    from crosscheck.twins.disagreement import Disagreement

    report = compare(first, second, inputs, **options)
    if not report.agree:
        raise Disagreement(report)
    return report


def pair(
    first: Any,
    second: Any,
    inputs: Any = None,
    *,
    pairing: Mapping[str, Any] | str | Path | None = None,
    seed: int = 0,
) -> Pairing:
    """Which parameter and buffer of one model is which of the other, and in which axes.

    Told by names, shapes, classes and order of use; with `inputs`, what those leave open (which way a square matrix
    lies) is settled by running both. What stays open is in `Pairing.open`, what has no counterpart in `first_alone`
    and `second_alone`. `Pairing.carry(values, onto)` takes values across, `pull(gradients)` brings gradients back.
    Arguments and errors are those of `compare`.
    """
    from crosscheck.pairing.saved import opened
    from crosscheck.twins.convert import paired

    return paired(first, second, inputs, opened(pairing), seed)[2]


def convert(
    weights: Mapping[str, Array] | str | Path,
    first: Any,
    second: Any,
    inputs: Any = None,
    *,
    pairing: Mapping[str, Any] | Pairing | str | Path | None = None,
    partial: bool = False,
) -> dict[str, Array]:
    """Weights of the first model as the second's: its names, its layout, by the pairing of the two.

    weights: arrays by the first model's names, all of them and no others, or a .safetensors file of them (or .pth,
    read with weights_only). partial: allow parameters that have no counterpart; the second's own values then stay.
    The other arguments are those of `compare`. Raises ValueError for another set of names, for shapes that do not fit,
    for parameters without a counterpart, and for a layout that only running can settle if there are no `inputs`.
    """
    from crosscheck.pairing.saved import opened
    from crosscheck.twins.convert import convert as run

    return run(weights, first, second, inputs, opened(pairing), partial)
