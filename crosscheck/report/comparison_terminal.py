"""A comparison in a terminal: one screen that says what is wrong and what to do, then what it rests on."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from crosscheck.report import comparison_words as say
from crosscheck.report.comparison_words import SYMBOLS, Entry, Row

PACKAGE = str(Path(__file__).parents[1])
STYLES = {"agree": "cyan", "diverge": "bold bright_red", "excused": "cyan", "crashed": "bold reverse", "not run": "dim"}
BRIEF = 4
"""Statements after the first that the one screen tells in brief; the others are counted."""
MARGIN = 20
"""Where the text beside a label begins."""


def text(document: Entry, width: int = 100) -> str:
    """The one screen, without color."""
    file = io.StringIO()
    console = Console(file=file, width=width, color_system=None, legacy_windows=False)
    put(console, screen(document, width))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def show(document: Entry, console: Console, table: bool = False) -> None:
    """The one screen, then in full what it tells in brief, and the whole pairing, if `table`."""
    put(console, screen(document, console.width))
    statements = [statement for statement in say.told(document)[1:] if statement.rows != statement.brief]
    for i, statement in enumerate(statements):
        put(console, [Text("\nIn full", "bold")] if i == 0 else [])
        put(console, told(statement.rows, console.width))
    if table:
        put(console, [Text(), pairing_table(document)])


def put(console: Console, parts: Iterable[RenderableType]) -> None:
    """Lines are broken already, but for those that are to be copied whole."""
    for part in parts:
        console.print(part, highlight=False, soft_wrap=isinstance(part, Text))


def screen(document: Entry, width: int) -> Iterator[RenderableType]:
    """Verdict, what diverges first and why, then the rungs, the pairing and notes."""
    status = document["status"]
    for line in textwrap.wrap(f"{SYMBOLS[status]} {say.verdict(document)}", width, subsequent_indent="  "):
        yield Text(line, STYLES[status])
    yield from rows([("", frame) for frame in frames(document)], width)
    for i, statement in enumerate(statements := say.told(document)):
        if i == 0 and statement.kind != "excused":
            yield from told(statement.rows, width, "first divergence")
        elif i <= BRIEF:
            yield from told(statement.brief, width)
    if len(statements) > BRIEF + 1:
        yield from told(
            [("and", f"{len(statements) - BRIEF - 1} more, which the page and the JSON report have")], width
        )
    if document["rungs"]:
        yield from (Text(), rungs(document))
    yield Text()
    yield from rows(facts(document), width, indent=0)


def frames(document: Entry, most: int = 3) -> list[str]:
    """Where a model raised, in the user's own code if any of it is."""
    lines = [line.strip() for line in document["traceback"].splitlines() if line.strip().startswith("File ")]
    own = [line for line in lines if "site-packages" not in line and PACKAGE not in line]
    return [line.removeprefix("File ") for line in (own or lines)[-most:]]


def told(found: Iterable[Row], width: int, head: str = "then") -> Iterator[Text]:
    """A statement as rows; where it is stands out."""
    yield Text()
    yield from rows([(head if label == "where" else label, line) for label, line in found], width)


def rows(found: Iterable[Row], width: int, indent: int = 2) -> Iterator[Text]:
    """Labels with their texts beside them. Words are not broken: links and names can be copied."""
    for label, line in found:
        wrapped = textwrap.wrap(line, max(width - MARGIN, 20), break_long_words=False, break_on_hyphens=False)
        for i, part in enumerate(wrapped or [""]):
            beside = label if i == 0 else ""
            strong = label in ("first divergence", "then")
            yield Text.assemble(" " * indent, (f"{beside:{MARGIN - indent}}", "dim"), (part, "bold" if strong else ""))


def rungs(document: Entry) -> RenderableType:
    """A line a rung: how much was compared, and what came nearest to its limit or went farthest beyond."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, justify in (("", "left"), ("compared", "right"), ("farthest apart", "left")):
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for name in ("relative", "noise units"):
        table.add_column(name, justify="right", no_wrap=True)
    for finding in document["rungs"]:
        head = Text(f"{SYMBOLS[finding['status']]} {finding['rung']}", STYLES[finding["status"]])
        worst = finding["worst"]
        if worst is None:
            table.add_row(head, "-", Text(finding["reason"] or "nothing to compare"), "", "")
            continue
        figures = (say.figure(worst["relative"]), say.figure(worst["units"]))
        table.add_row(head, str(finding["checked"]), Text(say.tensor_name(worst)), *figures)
    limit = document["limits"]["units"]
    legend = f"noise units: 1 is what rounding itself does to this computation; above {limit:g} differs"
    excused = any(finding["status"] == "excused" for finding in document["rungs"])
    narrow = [Text("≈ apart only where one side keeps a narrower dtype, and alike to its rounding", "dim")]
    return Group(table, Text(legend, "dim"), *(narrow if excused else []))


def facts(document: Entry) -> list[Row]:
    """What was compared, how it was paired, and what a reader should know."""
    found = [(which, about(model)) for which, model in zip(("first", "second"), document["models"])]
    found += [("input", an_input(entry)) for entry in document["inputs"]]
    if document["rungs"]:
        found.append(("pairing", say.paired(document)))
    differences = document["settings"].get("differences", [])
    for name, lines in (("note", document["notes"]), ("settings differ", differences)):
        found += [(name, line) for line in shortened(lines)]
    return [*found, ("made with", f"{versions(document)}; seed {document['seed']}; {document['seconds']:.1f} s")]


def versions(document: Entry) -> str:
    """Of the frameworks that took part."""
    used = {word for model in document["models"] for word in [*model["framework"].split("."), "numpy"]}
    used |= {"jax"} if "flax" in used else set()
    known = document["settings"].get("versions", {})
    return ", ".join(f"{name} {version}" for name, version in known.items() if name in used and version)


def about(model: Entry) -> str:
    dtypes = ", ".join(model["dtypes"])
    return f"{model['name']}: {model['framework']}, {model['parameters']:,} parameters" + (
        f", {dtypes}" if dtypes else ""
    )


def an_input(entry: Entry) -> str:
    first, second = (tuple(shape) if shape is not None else "missing" for shape in entry["shapes"])
    shape = f"{first}" if first == second else f"{first} | {second}"
    axes = f"{entry['axes']} = " if entry["axes"] else ""
    return f"{entry['name']}: {axes}{shape} {entry['dtype']}"


def shortened(lines: Sequence[str], most: int = 8) -> list[str]:
    return list(lines) if len(lines) <= most else [*lines[: most - 1], f"and {len(lines) - most + 1} more"]


def pairing_table(document: Entry) -> RenderableType:
    """Which parameter is which, in which axes, and what decided for it."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    first, second = say.sides(document)
    for name in (first, second, "layout", "told by"):
        table.add_column(name, overflow="fold")
    for link in document["pairing"]["links"]:
        table.add_row(piece(link, "first"), piece(link, "second"), layout(link), link["why"])
    pairing = document["pairing"]
    alone = [(path, "") for path in pairing["first_alone"]] + [("", path) for path in pairing["second_alone"]]
    for cells in alone:
        table.add_row(*cells, Text("no counterpart", "bold"), "")
    for path in pairing["zeros"]:
        table.add_row("", path, "0", "gates")
    return table


def piece(link: Entry, side: str) -> str:
    """ "att.in_proj[2 of 3]  48 16"."""
    part = link[side]
    slot = f"[{part['slot'] + 1} of {part['slots']}]" if part["slots"] > 1 else ""
    shape = " ".join(map(str, link.get(f"{side}_shape", [])))
    return f"{part['path']}{slot}  {shape}"


def layout(link: Entry) -> str:
    """ "cout cin -> cin cout"; "the same" where nothing moves."""
    left, _, right = (side.strip() for side in link["pattern"].partition("->"))
    sizes = "".join(f" {name}={size}" for name, size in link["sizes"].items())
    turned = f", axes {', '.join(map(str, link['reverse']))} reversed" if link["reverse"] else ""
    return ("the same" if left == right else f"{link['pattern']}{sizes}") + turned
