"""What a comparison says, in words: the same in a terminal and on the page. All from the document alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Entry = Mapping[str, Any]
Row = tuple[str, str]

SYMBOLS = {"agree": "✓", "diverge": "✗", "excused": "≈", "crashed": "!", "not run": "·", "": "·"}
RUNGS = {
    "eval": "evaluation mode, random weights: outputs and gradients",
    "train": "training mode, random weights: outputs, gradients, buffers afterwards",
    "given": "evaluation mode, the weights that the first model came with",
    "precision": "evaluation mode in the models' own dtype",
    "step": "the optimizers, handed the same gradients: by how much each parameter is moved",
}
MOST, FEW, WAYS = 6, 4, ("first", "second")
"""Places, and calls, that are named of one statement; what a cause has of either side."""


@dataclass(frozen=True)
class Statement:
    """One thing that is wrong, or set aside, and where: rows of a label and a text, and fewer of them."""

    kind: str
    title: str
    rows: list[Row] = field(default_factory=list)
    brief: list[Row] = field(default_factory=list)


def sides(document: Entry) -> tuple[str, str]:
    """What the two sides are called: by framework where that tells them apart."""
    if len(document["models"]) < 2 or len({model["framework"] for model in document["models"]}) < 2:
        return "first", "second"
    first, second = (model["framework"] for model in document["models"])
    return first, second


def named(document: Entry) -> list[str]:
    """ "Net (torch)" for either model; the place where one was made, where names and frameworks are the same."""
    names = [f"{model['name']} ({model['framework']})" for model in document["models"]]
    if len(names) == 2 and names[0] == names[1]:
        names = [f"{which} {name}" for which, name in zip(("the first", "the second"), names)]
    return names


def verdict(document: Entry) -> str:
    """The one sentence."""
    status, names = document["status"], named(document)
    if status == "crashed" and document["problem"]:
        return f"Not compared: {document['problem']}"
    if status == "not run":
        return f"Nothing was compared of {' and '.join(names)}"
    agreeing, diverging, skipped = (
        [f["rung"] for f in document["rungs"] if f["status"] in kinds]
        for kinds in (("agree", "excused"), ("diverge",), ("crashed", "not run"))
    )
    both = " and ".join(names)
    if diverging:
        return f"{both} differ on {words(diverging)}" + (f", agree on {words(agreeing)}" if agreeing else "")
    if status == "crashed":
        raised = next(f for f in document["rungs"] if f["status"] == "crashed")
        return f"{both} could not be compared on {raised['rung']}, which {raised['reason']}"
    left = f"; not compared: {words(skipped)}" if skipped else ""
    return f"{both} agree on {words(agreeing)}{left}"


def words(names: Sequence[str]) -> str:
    """ "a, b and c"."""
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)


def told(document: Entry) -> list[Statement]:
    """All statements, the first divergence first."""
    found = [statement(document, entry) for entry in document["statements"]]
    blamed = any(statement.kind != "excused" for statement in found)
    return found if blamed else [*unplaced(document), *found]


def unplaced(document: Entry) -> list[Statement]:
    """Rungs that differ where no place could be blamed: outputs that only one model has, say."""
    found: dict[str, Statement] = {}
    for rung in document["rungs"]:
        for tensor in rung["tensors"] if rung["status"] == "diverge" else ():
            name = tensor_name(tensor)
            rows = [("where", f"{name}, on {rung['rung']}"), ("", how_far(document, {"tensor": tensor}))]
            if not tensor["agrees"] and len(found) < MOST:
                found.setdefault(name, Statement("open", rows[1][1], rows, rows))
    return list(found.values())


def statement(document: Entry, entry: Entry) -> Statement:
    places = [document["divergences"][index] for index in entry["places"]]
    first, kind = places[0], entry["kind"]
    rows = [("where", where(first)), ("", what(first)), ("", how_far(document, first))]
    also = [("also at", elsewhere(places[1:], first))] if len(places) > 1 else []
    if kind == "excused":
        brief = [("set aside", first["excused"]), ("", elsewhere(places))]
        return Statement(kind, first["excused"], [*rows, *also, ("set aside", first["excused"])], brief)
    if kind == "open":
        clues = [("but" if i == 0 else "", sentence(clue)) for i, clue in enumerate(first["clues"])]
        cause = [("cause", "not found: nothing in the catalogue makes what both sides made"), *clues]
        return Statement(kind, "no cause found", [*rows, *also, *cause], [*rows[:1], *also, *cause])
    causes = first["cause"]["causes"]
    title = words([cause["title"] for cause in causes])
    brief = [*rows[:1], *also, *cause_titles(causes), *ways(document, first["cause"]), *fixes(document, causes)]
    return Statement(kind, title, [*rows, *also, *cause_rows(document, first["cause"])], brief)


def cause_titles(causes: Sequence[Entry]) -> list[Row]:
    return [("cause" if i == 0 else "and", sentence(cause["title"])) for i, cause in enumerate(causes)]


def where(place: Entry, short: bool = False) -> str:
    """The place in either model: "bn (BatchNorm1d) | b (BatchNorm)", or the code between two modules."""
    if place["wiring"]:
        return wiring(place)
    kinds = ("", "") if short else place["kinds"]
    both = [module(name, kind) for name, kind in zip((place["first"], place["second"]), kinds)]
    alone = not place["second"] and not any(place["kinds"])  # a leaf whose module has no counterpart
    name = both[0] if alone or both[0] == both[1] else " | ".join(both)
    return f"the optimizers, at {name}" if place["direction"] == "step" and not short else name


def module(path: str, kind: str) -> str:
    name = path or "the whole"
    return f"{name} ({kind})" if kind else name


def wiring(place: Entry) -> str:
    """Code that belongs to no module of its own."""
    after, before = plain(place["after"]), plain(place["before"])
    own = f"the code of {place['first']} itself" if place["first"] else "the model's own code"
    if after and before:
        there = [module(*pair) for pair in place["there"]]
        return f"{own}, between {after} and {before}" + (f", where {words(there)} {be(there)}" if there else "")
    return f"{own}, before {before}" if before else f"{own}, after {after}" if after else own


def be(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def plain(key: str) -> str:
    """ "attention, second call" for "attention#2"."""
    path, _, count = key.partition("#")
    return f"{path} (call {count})" if count else path


def what(place: Entry) -> str:
    """What is the same there and what is not."""
    tensor, direction, name = place["tensor"], place["direction"], place["first"] or "the whole"
    if direction == "state":
        return f"Its inputs and outputs agree, its {last(tensor['path'])} afterwards does not."
    if direction == "step":
        return "The optimizers are handed the same gradients and move it otherwise."
    if direction == "backward" and tensor["kind"] == "gradient":
        return f"Forward agrees; the gradient by {last(tensor['path'])} does not."
    if direction == "backward":
        came = "comes back through it" if place["wiring"] else "it hands back for its input"
        return f"Forward agrees; the gradient that {came} does not."
    if not place["wiring"]:
        return "It is given the same on both sides and gives something else."
    if not place["before"]:
        return f"All modules inside agree; what {name} makes of them does not."
    source = f"{plain(place['after'])} gives the same" if place["after"] else "What goes in is the same"
    return f"{source}; what reaches {plain(place['before'])} is not."


def how_far(document: Entry, place: Entry) -> str:
    """The figures of the tensor that differs most there."""
    tensor = place["tensor"]
    if tensor["problem"]:
        return str(tensor["problem"])
    text = f"relative difference {figure(tensor['relative'])}"
    if tensor["worst"]:
        a, b = (f"{name} {value(x)}" for name, x in zip(sides(document), tensor["values"]))
        text += f", most at {tensor['worst']}: {a}, {b}"
    return text


def last(path: str) -> str:
    return path.rpartition(".")[2]


def cause_rows(document: Entry, cause: Entry) -> list[Row]:
    """The cause with both sides' formulas, the figures, the fix for either side, and who says so."""
    names, causes = sides(document), cause["causes"]
    rows = [*cause_titles(causes), *ways(document, cause), *rules(document, causes)]
    before, after = figure(cause["before"]), figure(cause["after"])
    left = (
        f"a difference of {after} is left"
        if cause["before"] is None
        else f"the difference goes from {before} to {after}"
    )
    mine, theirs = (f"the {name}" if name in ("first", "second") else name for name in names)
    rows.append(("proof", f"with {mine}'s way in place of {theirs}'s {left}"))
    rows += fixes(document, causes)
    links = list(dict.fromkeys(c["evidence"] for c in causes if c["evidence"]))
    rows += [("evidence" if i == 0 else "", link) for i, link in enumerate(links)]
    return [*rows, ("known as", words([c["id"] for c in causes]))]


def ways(document: Entry, cause: Entry) -> list[Row]:
    """What either side does."""
    departs = {way: ", which departs from the formula" * (cause["departs"] in (way, "both")) for way in WAYS}
    return [(f"  {name}", cause[way] + departs[way]) for name, way in zip(sides(document), WAYS)]


def rules(document: Entry, causes: Sequence[Entry]) -> list[Row]:
    """What the two libraries do, as the catalogue has it, where the sides are of two."""
    keys = {library(model["framework"]) for model in document["models"]} - {""}
    known = [(key, cause[key]) for cause in causes for key in ("torch", "jax") if cause[key]]
    lines = [f"{key}: {rule}" for key, rule in known] if len(keys) == 2 else []
    return [("  as a rule" if i == 0 else "", line) for i, line in enumerate(lines)]


def fixes(document: Entry, causes: Sequence[Entry]) -> list[Row]:
    """What to write on either side. Which of them is to change is not ours to say."""
    keys = [key for key in dict.fromkeys(library(model["framework"]) for model in document["models"]) if key]
    lines = {key: list(dict.fromkeys(c[f"match_{key}"] for c in causes if c[f"match_{key}"])) for key in keys}
    every = [lines[key] for key in keys if lines[key]]
    if not every:
        return []
    if all(others == every[0] for others in every):
        return [("to match" if i == 0 else "", line) for i, line in enumerate(every[0])]
    rows = [(f"  in {key}" if i == 0 else "", line) for key in keys for i, line in enumerate(lines[key])]
    return [("to match", "change either side:"), *rows]


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def library(framework: str) -> str:
    """The catalogue's name for a framework, "" for the reference and for sides that are told apart otherwise."""
    return "torch" if framework == "torch" else "jax" if framework in ("jax", "flax.nnx", "flax.linen") else ""


def elsewhere(places: Sequence[Entry], first: Entry | None = None) -> str:
    """The places, those that are one in several calls as one; `first`: the place that was named before."""
    spots: dict[tuple[str, ...], list[Entry]] = {}
    for place in places:
        spots.setdefault(spot(place), []).append(place)
    names = []
    for key, found in spots.items():
        here = first is not None and spot(first) == key
        later = calls(found if here else found[1:])
        names.append(
            f"the same place in {later}" if here else where(found[0], short=True) + (later and f", and in {later}")
        )
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more


def spot(place: Entry) -> tuple[str, ...]:
    """A place whatever the call."""
    ends = (place[end].partition("#")[0] for end in ("before", "after"))
    return str(place["first"]), str(place["second"]), *ends, str(bool(place["wiring"])), place["direction"]


def calls(places: Sequence[Entry]) -> str:
    """ "calls 2 and 3", "5 later calls"."""
    ends = [(place["before"] or place["after"]).partition("#")[2] or "1" for place in places]
    if len(ends) > FEW:
        return f"{len(ends)} more calls"
    return f"call{'s' * (len(ends) > 1)} {words(ends)}" if ends else ""


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def figure(number: float | None, digits: int = 2) -> str:
    return "not finite" if number is None else "0" if number == 0 else f"{number:.{digits}g}"


def value(number: float | None) -> str:
    return "not finite" if number is None else f"{number:.9g}"


def tensor_name(tensor: Entry) -> str:
    return f"{tensor['kind']} {tensor['path']}".strip()


def paired(document: Entry) -> str:
    """How much of either model has a counterpart."""
    pairing = document["pairing"]
    firsts = {link["first"]["path"] for link in pairing["links"]}
    seconds = {link["second"]["path"] for link in pairing["links"]}
    alone, alone_there = len(pairing["first_alone"]), len(pairing["second_alone"])
    if not alone and not alone_there:
        counts = f"all {len(firsts)}" if len(firsts) == len(seconds) else f"all {len(firsts)} with all {len(seconds)}"
        return f"{counts} parameters and buffers paired" if firsts else "no parameters on either side"
    a, b = sides(document)
    return (
        f"{len(firsts)} of {len(firsts) + alone} ({a}) and {len(seconds)} of {len(seconds) + alone_there} ({b}) paired"
    )
