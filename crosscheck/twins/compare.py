"""Compares two models: opens them, pairs their parameters, takes them up the ladder, finds where and why they part."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.explain import explain_all
from crosscheck.models.inputs import Inputs, read
from crosscheck.models.model import Ask, Look, Model
from crosscheck.models.open import open_model
from crosscheck.models.optimizers import open_optimizers
from crosscheck.pairing.links import Pairing
from crosscheck.pairing.pair import pair, require_fit
from crosscheck.twins.audit import audit, devices
from crosscheck.twins.evidence import settled
from crosscheck.twins.forced import tensors
from crosscheck.twins.hunt import hunt
from crosscheck.twins.ladder import RUNGS, Finding
from crosscheck.twins.layers import layers
from crosscheck.twins.layouts import Images
from crosscheck.twins.measure import within_float32
from crosscheck.twins.report import Report
from crosscheck.twins.rewire import rewired
from crosscheck.twins.sharing import in_words, shared
from crosscheck.twins.steps import stepping
from crosscheck.twins.tables import unlike
from crosscheck.twins.twins import Ends, Twins

Progress = Callable[[str], None]


def compare(
    first: Any,
    second: Any,
    inputs: Any,
    *,
    pairing: Mapping[str, Any] | Pairing | None = None,
    rungs: tuple[str, ...] = tuple(RUNGS),
    optimizers: Any = None,
    seed: int = 0,
    progress: Progress = lambda what: None,
) -> Report:
    """Take two models up the ladder, and say where they first part and why. Neither is changed.

    first, second: a torch.nn.Module, a flax.nnx.Module, (flax.linen module, variables), (JAX function, parameters), a
    net of the reference or a function of arrays. inputs: an array, a list of arrays, a dict of keyword arguments, or
    specs such as "x: n c h w = 2 3 64 64 float32". pairing: {path in the first: path in the second}, for what is not
    paired as it should be, or a whole Pairing that was saved. optimizers: the first model's and the second's, to
    compare their steps too.

    Raises TypeError for what is no model, ValueError for inputs and pairings that do not fit.
    """
    start = time.perf_counter()
    if unknown := set(rungs) - set(RUNGS):
        raise ValueError(f"rungs has {sorted(unknown)}; expected some of {', '.join(RUNGS)}")
    report = Report(seed=seed)
    progress("opening the models")
    given = read(inputs, seed)
    a = open_model(first, given.first, given.by_name, "first")
    b = open_model(second, given.second, given.by_name, "second")
    movers = None if optimizers is None else open_optimizers(optimizers, (a, b), (first, second))
    report.models = [dict(a.describe()), dict(b.describe())]
    report.settings = audit(a, b)
    report.notes += devices(a, b)
    twins = prepare(a, b, given, pairing, seed, report, progress)
    if twins is not None:
        with np.errstate(invalid="ignore"):  # of the infinities that masks have
            climb(twins, rungs, report, progress)
        if movers is not None and not report.problem:
            progress("rung step")
            finding, culprits = stepping(twins, movers)
            report.findings.append(finding)
            report.add(culprits)
    report.tell_narrow((a, b))
    if report.culprits and len(b.kinds()) > len(a.kinds()) == 1:
        report.notes.append("the first model has no modules: exchanged, the two would be compared inside, too")
    report.notes += [*a.notes, *b.notes]
    report.seconds = time.perf_counter() - start
    return report


def prepare(
    a: Model, b: Model, given: Inputs, pairing: Any, seed: int, report: Report, progress: Progress
) -> Twins | None:
    """Both models looked at and paired; None, with the reason in the report, if one of them cannot be run."""
    progress("a first look")
    looked = first_look(a, given.first, report, "first")
    if looked is None:
        return None
    look, dtype = looked
    images = other_end(a, b)
    found = second_look(b, given, look, dtype, images, report)
    if found is None:
        return None
    other, inputs, dtype = found
    progress("pairing the parameters")
    saved = pairing if isinstance(pairing, Pairing) else None
    if saved:
        require_fit(saved, a, b)
    paired = saved or pair(a, b, look.used(a.leaves), other.used(b.leaves), pairing)
    twins = Twins(a, b, inputs, paired, seed, images=images, dtype=dtype)
    twins.input_names = tensors(inputs.first, inputs.second, twins.images)
    twins.expected = Ends.of(look.outputs, other.outputs, twins.images)
    if saved is None:
        twins = settled(twins, look)
    twins = shared(twins)
    with suppress(Exception):  # the ladder will say what is raised
        twins.look_for_padding()
    if saved is None:
        twins = rewired(twins)
    report.twins, report.pairing, report.dtype = twins, twins.pairing, dtype
    report.layers = layers(a, b, look, other, twins.pairing)
    report.inputs = [told(name, inputs) for name in inputs.first]
    report.tell_pairing(twins.first, b)
    report.tell_outputs(twins)
    report.notes += [*in_words(twins), *unlike(a, b, twins.pairing)]
    return twins


def told(name: str, inputs: Inputs) -> dict[str, Any]:
    """What an input is, for the report."""
    mine, theirs = inputs.first[name], inputs.second.get(name)
    shapes = [list(x.shape) if x is not None else None for x in (mine, theirs)]
    return {"name": name, "axes": inputs.axes.get(name, ""), "shapes": shapes, "dtype": mine.dtype.name}


def other_end(first: Model, second: Model) -> Images:
    """Where the second model keeps the channels of images, if the first keeps them at the other end."""
    if (first.framework == "torch") == (second.framework == "torch"):
        return ""
    return "first" if second.framework == "torch" else "last"


def first_look(model: Model, inputs: Mapping[str, Array], report: Report, which: str) -> tuple[Look, str] | None:
    """A look in float64; in the model's own dtype if it cannot be run in float64."""
    for dtype in ("float64", ""):
        try:
            return model.look(Ask(model.values(), inputs, dtype=dtype)), dtype
        except Exception as error:
            if dtype:
                report.notes.append(f"the {which} model does not run in float64: {brief(error)}")
            else:
                report.notes.pop()  # what it does not run in is of no interest
                report.fail(f"the {which} model ({model.name}) raised {brief(error)}", error)
    return None


def second_look(
    model: Model, given: Inputs, look: Look, dtype: str, images: Images, report: Report
) -> tuple[Look, Inputs, str] | None:
    """The second model takes the inputs as they are, or, if that fails or gives outputs of sizes that the first's do
    not have, with the channels of images at the other end."""
    problems: list[Exception] = []
    ran: list[tuple[Look, Inputs, str]] = []
    for kind in dict.fromkeys((dtype, "")):
        for inputs in candidates(given, images):
            try:
                ran.append((model.look(Ask(model.values(), inputs.second, dtype=kind)), inputs, kind))
            except Exception as error:
                problems.append(error)
                continue
            if sizes(ran[-1][0]) == sizes(look):
                break
        if ran:
            if kind != dtype:
                report.notes.append(f"the second model does not run in float64: {brief(problems[0])}")
            return ran[-1] if sizes(ran[-1][0]) == sizes(look) else ran[0]
    report.fail(f"the second model ({model.name}) raised {brief(problems[0])}", problems[0])
    return None


def sizes(look: Look) -> list[tuple[int, ...]]:
    return [tuple(sorted(y.shape)) for y in look.outputs.values()]


def candidates(given: Inputs, images: Images) -> list[Inputs]:
    """Ways to hand the inputs to the second model, likeliest first."""
    if given.told:
        return [given]
    places = (1, -1) if images == "first" else (-1, 1)
    moved, others = ([with_channels(given, place, rank) for place in places] for rank in (4, 3))
    ways = [*moved, given, *others] if images else [given, *moved, *others]
    return [way for i, way in enumerate(ways) if not any(alike(way, before) for before in ways[:i])]


def with_channels(given: Inputs, place: int, rank: int) -> Inputs:
    """The second model's inputs of at least this rank with the channels moved to the end, or from there ahead."""
    source = 1 if place == -1 else -1
    moved = {
        name: np.moveaxis(value, source, place) if value.ndim >= rank and value.dtype.kind == "f" else value
        for name, value in given.second.items()
    }
    return replace(given, second=moved)


def alike(a: Inputs, b: Inputs) -> bool:
    return all(a.second[name].shape == b.second[name].shape for name in a.second) and all(
        np.array_equal(a.second[name], b.second[name], equal_nan=a.second[name].dtype.kind == "f") for name in a.second
    )


def brief(error: Exception) -> str:
    """An exception in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300] if lines else ''}"


def climb(twins: Twins, rungs: tuple[str, ...], report: Report, progress: Progress) -> None:
    """All rungs, each with the hunt for what is wrong where it diverges. A culprit is told once."""
    for name in RUNGS:
        if name not in rungs:
            continue
        if name == "precision" and any(f.diverges and not f.excused for f in report.findings):
            report.findings.append(Finding(name, reason="not run: the models differ in float64 already"))
            continue
        progress(f"rung {name}")
        finding, trail = RUNGS[name](twins)
        report.findings.append(finding)
        in_float64 = twins.rounding("" if name == "precision" else twins.dtype) == "float64"
        if finding.diverges and twins.narrow and in_float64 and all(map(within_float32, finding.gaps)):
            finding.excused = True
        elif finding.diverges and trail is not None:
            progress(f"looking for the first divergence ({name})")
            culprits = hunt(twins, finding, trail, explain_all)
            finding.excused = bool(culprits) and all(culprit.excused for culprit in culprits)
            twins.narrow |= finding.excused
            report.add(culprits)
        report.tell_padding(finding)
        if finding.reason.startswith("raised"):
            break
