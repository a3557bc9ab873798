"""The commands about two models of one's own: compare, layout and convert. Each returns an exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from crosscheck.models.source import build
from crosscheck.pairing.saved import opened, save

EXIT = {"agree": 0, "diverge": 1, "crashed": 2, "not run": 2}
"""A model that cannot be run, and models of which nothing was compared, have not been found to agree or differ."""


def compare(
    console: Console,
    first: str,
    second: str,
    inputs: Sequence[str],
    rungs: tuple[str, ...],
    seed: int,
    pairing: Path | None,
    table: bool,
    files: dict[str, Path | None],
    command: str,
) -> int:
    """Compare, print, write what was asked for."""
    from crosscheck.report import as_json, comparison_html, comparison_terminal
    from crosscheck.twins.compare import compare as run

    require_input(inputs)
    given = opened(pairing)
    with progress() as on_step:
        models = made(on_step, A=first, B=second)
        report = run(*models, list(inputs), pairing=given, rungs=rungs, seed=seed, progress=on_step)
    report.sources = {"first": first, "second": second}
    document = report.document(command)
    comparison_terminal.show(document, console, table)
    writers: dict[str, Callable[[Any, Path], None]] = {"json": as_json.write, "html": comparison_html.write}
    for name, file in files.items():
        if file is not None and name in writers:
            writers[name](document, file)
            told(f"wrote {file}")
    if folder := files.get("reproduce"):
        reproduce(report, folder)
    return EXIT[report.status]


def reproduce(report: Any, folder: Path) -> None:
    if report.first_divergence is None:
        told("--reproduce: nothing diverges, so there is nothing to reproduce")
        return
    told(f"wrote {report.reproduction(folder)}")


def layout(
    console: Console, first: str, second: str, inputs: Sequence[str], pairing: Path | None, output: Path | None
) -> int:
    """Print which parameter is which; 1 if something is open or has no counterpart."""
    from crosscheck.report.comparison_terminal import pairing_table
    from crosscheck.report.comparison_words import paired as paired_in_words
    from crosscheck.twins.convert import paired

    given = opened(pairing)
    with progress() as on_step:
        models = made(on_step, A=first, B=second)
        a, b, found = paired(*models, list(inputs) or None, given, progress=on_step)
    data = found.as_data()
    for link in data["links"]:
        for side, model in (("first", a), ("second", b)):
            link[f"{side}_shape"] = list(model.leaf(link[side]["path"]).shape)
    about = [{"framework": model.framework, "name": model.name} for model in (a, b)]
    document = {"models": about, "pairing": data}
    console.print(pairing_table(document), highlight=False)
    console.print(Text(f"\n{paired_in_words(document)}"), soft_wrap=True)
    doubts = [*found.open, *(f"the second model has no place for {slot}" for slot in found.lost())]
    for doubt in doubts:
        console.print(Text(f"open: {doubt}", "bold"), soft_wrap=True)
    if found.open and not inputs:
        console.print(Text("with --input both models are run, which settles what can be settled"), soft_wrap=True)
    if output is not None:
        save(found, output, first=first, second=second)
        told(f"wrote {output}")
    return 1 if doubts or found.first_alone or found.second_alone else 0


def convert(
    weights: Path,
    first: str,
    second: str,
    inputs: Sequence[str],
    pairing: Path | None,
    output: Path,
    partial: bool,
    force: bool,
) -> int:
    """Write the second model's weights, made of a file of the first's."""
    from safetensors.numpy import save as as_bytes

    from crosscheck.report.files import write_atomically
    from crosscheck.twins.convert import convert as run

    if output.suffix != ".safetensors":
        raise ValueError(f"--output is {str(output)!r}; expected a name that ends in .safetensors")
    if output.exists() and not force:
        raise ValueError(f"--output: {output} exists; --force overwrites it")
    given = opened(pairing)
    with progress() as on_step:
        models = made(on_step, **{"--from": first, "--to": second})
        found = run(weights, *models, list(inputs) or None, given, partial, on_step)
    write_atomically(output, as_bytes(found, metadata={"format": "np", "made by": "crosscheck convert"}))
    told(f"wrote {output}: {len(found)} tensors, {sum(x.size for x in found.values()):,} numbers")
    return 0


def made(on_step: Callable[[str], None], **sources: str) -> tuple[Any, Any]:
    """The two models; importing their frameworks takes a while."""
    found = []
    for argument, source in sources.items():
        on_step(f"building {source}")
        found.append(build(source, argument))
    return found[0], found[1]


def require_input(inputs: Sequence[str]) -> None:
    if not inputs:
        raise ValueError("no --input; expected what the models are run on, such as --input 'x: n c h w = 2 3 64 64'")


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """What is being done, and for how long, on a terminal; a line a step anywhere else. Both on stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield told
        return
    columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("importing", total=None)
        yield lambda step: bar.update(task, description=escape(step))


def told(line: str) -> None:
    Console(stderr=True).print(Text(line), soft_wrap=True, highlight=False)
