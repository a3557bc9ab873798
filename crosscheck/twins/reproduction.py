"""A divergence as a script of its own: the layer alone in either framework, with its input and weights, for an issue.

The script needs NumPy and the two frameworks. A layer that the frameworks themselves have is made by one line; any
other is taken from the file that the model came from, which is copied, or is left to be filled in.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.model import Arrays, Call, Model, module_of
from crosscheck.report.files import write_atomically
from crosscheck.twins.constructors import constructed
from crosscheck.twins.forced import Match, there
from crosscheck.twins.hunt import Culprit
from crosscheck.twins.report import Report
from crosscheck.twins.script import HEAD, SIDES, TAIL
from crosscheck.twins.twins import Twins


@dataclass(frozen=True)
class Half:
    """One side of the script. method: that which is called, "" for the module itself."""

    side: str
    model: Model
    path: str
    kind: str
    leaves: Arrays
    inputs: Arrays
    method: str = ""


def write(report: Report, folder: Path) -> Path:
    """reproduce.py, arrays.npz and whatever model files they need, into the folder. Returns the script's path."""
    culprit = next(iter(report.accused()), None)
    if culprit is None:
        raise ValueError("nothing diverges, so there is nothing to reproduce")
    if culprit.divergence.match is None or report.twins is None:
        raise ValueError(f"{culprit.divergence.where} has no counterpart that could be run alone")
    twins, match = report.twins, culprit.divergence.match
    mine, theirs = halves(twins, culprit, match)
    cotangents = {"first": match.first.cotangents, "second": there(match.first.cotangents, match.outputs)}
    arrays = {
        f"{half.side}/{kind}/{name}": value
        for half in (mine, theirs)
        for kind, values in (("value", half.leaves), ("input", half.inputs), ("cotangent", cotangents[half.side]))
        for name, value in values.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]
    text = script(report, culprit, mine, theirs, folder)
    write_atomically(folder / "reproduce.py", text)
    return folder / "reproduce.py"


def halves(twins: Twins, culprit: Culprit, match: Match) -> tuple[Half, Half]:
    given = twins.first.values() if culprit.rung == "given" else twins.random
    values = twins.values(given)
    inputs = match.first.inputs, there(match.first.inputs, match.inputs)
    models, calls = (twins.first, twins.second), (match.first, match.second)
    first, second = (half_of(*of) for of in zip(("first", "second"), models, calls, values, inputs))
    return first, second


def half_of(side: str, model: Model, call: Call, values: Arrays, inputs: Arrays) -> Half:
    path = module_of(call.path)
    aliases = {alias: values[leaf.path] for leaf in model.leaves if leaf.path in values for alias in leaf.aliases}
    leaves = below(aliases | model.completed(values), path, model.framework)
    return Half(side, model, path, module_of(call.kind), leaves, inputs, "attend" * (path != call.path))


def below(values: Mapping[str, Array], path: str, framework: str) -> Arrays:
    """The leaves inside a module by their path from there; linen's keep the name of their collection."""
    found = {}
    for name, value in values.items():
        collection, _, rest = name.partition(".") if framework == "flax.linen" else ("", "", name)
        if not path or rest.startswith(f"{path}."):
            short = rest.removeprefix(f"{path}.") if path else rest
            found[f"{collection}.{short}" if collection else short] = value
    return found


def script(report: Report, culprit: Culprit, mine: Half, theirs: Half, folder: Path) -> str:
    train, wide = culprit.rung == "train", report.dtype == "float64" and culprit.rung != "precision"
    backward = culprit.divergence.direction == "backward"
    parts = [Template(HEAD).substitute(what=headline(report, culprit), pairs=pairs_text(report, culprit))]
    for half in (mine, theirs):
        flags = {"mode": "train" if train else "eval", "train": train, "wide": wide, "backward": backward}
        flags["dtype"] = "float64" if wide else "float32"
        template = SIDES.get(half.model.framework, SIDES["other"])
        flags |= {"call": f".{half.method}" if half.method else "", "method": repr(half.method or "__call__")}
        parts.append(Template(template).substitute(side=half.side, layer=layer_text(report, half, folder), **flags))
    return "\n\n".join([*parts, TAIL])


def headline(report: Report, culprit: Culprit) -> str:
    from crosscheck.report import comparison_words as say

    document = report.document()
    place = document["divergences"][report.culprits.index(culprit)]
    first, second = (f"{model['name']} ({model['framework']})" for model in document["models"])
    lines = [f"{first} and {second}: {say.where(place)}", say.what(place), f"Seen: {say.how_far(document, place)}."]
    if place["cause"]:
        lines += [f"Cause: {cause['title']}." for cause in place["cause"]["causes"]]
    return "\n".join(lines).replace("\\", "/").replace('"""', "'''").replace("$", "$$")


def pairs_text(report: Report, culprit: Culprit) -> str:
    """What is compared: (name in the first, name in the second, how the first's is laid out there)."""
    match, found = culprit.divergence.match, []
    assert match is not None
    found += [(f"output {a}", f"output {b}", fit.pattern, dict(fit.sizes)) for a, (b, fit) in match.outputs.items()]
    kinds = {"state": ("state",), "backward": ("gradient",)}.get(culprit.divergence.direction, ())
    for link in report.pairing.links if report.twins and kinds else ():
        a, b = (
            next(iter(below({piece.path: np.zeros(0)}, call.path, model.framework)), "")
            for piece, call, model in (
                (link.first, match.first, report.twins.first),  # type: ignore[union-attr]
                (link.second, match.second, report.twins.second),  # type: ignore[union-attr]
            )
        )
        whole = link.first.slots == link.second.slots == 1 and not link.reverse
        if a and b and whole:
            found += [(f"{kind} {a}", f"{kind} {b}", link.pattern, dict(link.sizes)) for kind in kinds]
    if culprit.divergence.direction == "backward":
        found += [
            (f"input gradient {a}", f"input gradient {b}", fit.pattern, dict(fit.sizes))
            for a, (b, fit) in match.inputs.items()
        ]
    return "".join(
        f"    {tuple(part.strip() if isinstance(part, str) else part for part in row)!r},\n" for row in found
    )


def layer_text(report: Report, half: Half, folder: Path) -> str:
    """The line or two that make the layer."""
    line = constructed(half.model, half.path, half.kind, half.leaves)
    if line:
        return line
    source = report.sources.get(half.side, "")
    file, _, name = source.rpartition(":")
    if file.endswith(".py"):
        shutil.copy(file, folder / f"{half.side}_model.py")
        inside = f"inside(model, {half.path!r})" if half.path else "model"
        beside = (
            f"import sys\n\n    sys.path.append({str(Path(file).absolute().parent)!r})  # for what that file imports"
        )
        return f"{beside}\n    from {half.side}_model import {name}\n\n    model = {name}()\n    layer = {inside}"
    what = f"{half.kind or half.model.name}, {half.path or 'the whole model'}"
    return f'raise NotImplementedError("put here how your {what} is made: layer = ...")'
