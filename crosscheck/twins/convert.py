"""One model's weights as another's, through the pairing of the two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.inputs import Inputs, read
from crosscheck.models.model import Arrays, Model
from crosscheck.models.open import open_model
from crosscheck.names import nearest
from crosscheck.pairing.certain import doubts
from crosscheck.pairing.links import Pairing
from crosscheck.pairing.pair import counts, pair, require_fit
from crosscheck.tensor_files import load
from crosscheck.twins.compare import Progress, prepare
from crosscheck.twins.report import Report

Given = Mapping[str, Any] | Pairing | None


def paired(
    first: Any,
    second: Any,
    inputs: Any,
    given: Given,
    seed: int = 0,
    progress: Progress = lambda what: None,
) -> tuple[Model, Model, Pairing]:
    """Both models opened, and their pairing. Without inputs nothing is run: what then stays in doubt is in `open`."""
    drawn = Inputs({}, {}, False, False) if inputs is None else read(inputs, seed)
    progress("opening the models")
    a = open_model(first, drawn.first, drawn.by_name, "first")
    b = open_model(second, drawn.second, drawn.by_name, "second")
    if inputs is None:
        return a, b, unrun(a, b, given)
    report = Report(seed=seed)
    twins = prepare(a, b, drawn, given, seed, report, progress)
    if twins is None:
        raise ValueError(report.problem)
    return a, b, twins.pairing


def unrun(a: Model, b: Model, given: Given) -> Pairing:
    if isinstance(given, Pairing):
        require_fit(given, a, b)
        return given
    found = pair(a, b, {}, {}, given)
    return replace(found, open=tuple(doubts(a, b, found)))


def convert(
    weights: Mapping[str, Array] | str | Path,
    first: Any,
    second: Any,
    inputs: Any,
    given: Given,
    partial: bool,
    progress: Progress = lambda what: None,
) -> Arrays:
    """The second model's leaves by name."""
    named = load(weights) if isinstance(weights, (str, Path)) else dict(weights)
    source = str(weights) if isinstance(weights, (str, Path)) else "weights"
    a, b, pairing = paired(first, second, inputs, given, progress=progress)
    if pairing.open and inputs is None:
        raise ValueError(
            f"names and shapes leave open: {shortened(pairing.open)}; give an input, so that the models can be run"
        )
    if not partial:
        require_complete(a, b, pairing)
    require_names_of(a, b, source, named)
    return carried(by_leaf(source, named, a), b, pairing)


def carried(values: Arrays, second: Model, pairing: Pairing) -> Arrays:
    """Through the pairing, under all of the second's names, in the dtype that the values have."""
    found = pairing.carry(values, second.values())
    names = {leaf.path: (leaf.path, *leaf.aliases) for leaf in second.leaves}
    return {name: np.array(found[path], order="C") for path in names for name in names[path]}


def require_names_of(model: Model, other: Model, source: str, named: Mapping[str, Array]) -> None:
    """Weights of the other one of the two are a likely mistake."""
    own, others = ({name for leaf in m.leaves for name in (leaf.path, *leaf.aliases)} for m in (model, other))
    if set(named) <= others and not set(named) <= own:
        raise ValueError(f"{source} has the names of {other.name}, not of {model.name}: are the two models exchanged?")


def by_leaf(source: str, named: Mapping[str, Array], model: Model) -> Arrays:
    """The file's arrays by the model's leaves. Every name has to be one of the model's, in its shape, and none may be
    missing but a tied leaf's others, and counters."""
    known = {name: leaf for leaf in model.leaves for name in (leaf.path, *leaf.aliases)}
    surplus = [name for name in named if name not in known]
    found: Arrays = {}
    for leaf in model.leaves:
        have = [name for name in (leaf.path, *leaf.aliases) if name in named]
        if not have and counts(leaf):
            hint = nearest(leaf.path, surplus) if surplus else ""
            raise ValueError(f"{source} has no {leaf.path}, which {model.name} has with shape {leaf.shape}{hint}")
        for name in have:
            if tuple(named[name].shape) != leaf.shape:
                raise ValueError(
                    f"{source}: {name} has shape {tuple(named[name].shape)}; {model.name} has {leaf.shape}"
                )
        if have:
            found[leaf.path] = np.asarray(named[have[0]])
    if surplus:
        raise ValueError(f"{source} has {shortened(surplus)}, which {model.name} has not{nearest(surplus[0], known)}")
    return found


def require_complete(first: Model, second: Model, pairing: Pairing) -> None:
    """Nothing is lost, and nothing of the second model stays as it was built."""
    for model, other, alone in (
        (first, second, [*pairing.first_alone, *pairing.lost()]),
        (second, first, pairing.second_alone),
    ):
        if alone:
            raise ValueError(
                f"{shortened(alone)} of {model.name} has no counterpart in {other.name}; say which it is (pairing), "
                "or allow that some have none (partial)"
            )


def shortened(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
