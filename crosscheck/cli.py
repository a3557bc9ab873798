"""The command `crosscheck`: run, list, faults, and for two models of one's own compare, layout, convert.

Exit codes: 0 agree, 1 diverge, 2 misuse, 130 interrupted.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crosscheck.settings import one_thread, unchanging

if TYPE_CHECKING:
    from rich.console import Console

    from crosscheck.ladder import Settings
    from crosscheck.suite import Results, Task

app = typer.Typer(
    help="Proves that implementations of one network in NumPy, PyTorch and JAX compute the same thing.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Patterns = Annotated[list[str] | None, typer.Argument(metavar="PATTERN", help="Part of a case's name; none: all.")]
File = Path | None


@app.command()
def run(
    patterns: Patterns = None,
    backends: Annotated[
        str,
        typer.Option(help="Columns to compare; the reference is always among them.", show_default="numpy,torch,jax"),
    ] = "",
    dtypes: Annotated[
        str, typer.Option(help="Number types; float64 always decides.", show_default="float64,float32")
    ] = "",
    modes: Annotated[str, typer.Option(help="eager is always run; compiled adds torch.compile.")] = "eager,compiled",
    device: Annotated[str, typer.Option(help="cpu or gpu: where PyTorch and JAX run.")] = "cpu",
    rungs: Annotated[str, typer.Option(help="What to check, e.g. forward,backward.", show_default="all")] = "",
    json: Annotated[File, typer.Option(metavar="FILE", help="Write the report as JSON.")] = None,
    html: Annotated[File, typer.Option(metavar="FILE", help="Write the report as one HTML page.")] = None,
    junit: Annotated[File, typer.Option(metavar="FILE", help="Write the report as JUnit XML.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of all random draws.")] = 0,
    jobs: Annotated[int, typer.Option("-j", min=0, help="Processes.", show_default="one per core")] = 0,
) -> None:
    """Run the suite, or the cases that match, and say where the columns part."""
    files = {"json": json, "html": html, "junit": junit}
    with refusing():
        for name, file in files.items():
            require_writable(name, file)
        tasks = plan(patterns or [], backends, rungs, dtypes, modes, device, seed)
    results = run_shown(tasks, jobs or processes(device))
    write_reports(results, files)
    raise typer.Exit(results.exit_code)


@app.command("list")
def list_cases(patterns: Patterns = None) -> None:
    """List the cases, with why each exists."""
    from crosscheck.case import select

    with refusing():
        cases = select(patterns or [])
    width = max(len(case.name) for case in cases)
    for case in cases:
        typer.echo(f"{case.name:{width}}  {case.why}".rstrip())


@app.command()
def faults(
    patterns: Annotated[list[str] | None, typer.Argument(metavar="PATTERN", help="Part of a fault; none: all.")] = None,
    backends: Annotated[str, typer.Option(help="Columns that take part.")] = "numpy,torch,jax",
    dtypes: Annotated[str, typer.Option(help="Number types to score in.")] = "float64",
    seeds: Annotated[int, typer.Option(min=1, help="How many times each fault is planted, on other numbers.")] = 1,
    json: Annotated[File, typer.Option(metavar="FILE", help="Write the scores as JSON.")] = None,
    jobs: Annotated[int, typer.Option("-j", min=0, help="Processes.", show_default="one per core")] = 0,
) -> None:
    """Plant every known fault and score what is detected, where it is blamed, and who is wrongly accused."""
    from crosscheck.faults.command import run as score
    from crosscheck.ladder import DTYPES, require_known
    from crosscheck.session import split_columns

    with refusing():
        require_writable("json", json)
        columns, wanted = names("backends", backends), names("dtypes", dtypes)
        split_columns(columns)
        require_known("dtype", wanted, DTYPES)
        code = score(stdout(), patterns or [], columns, wanted, range(seeds), jobs or processes("cpu"), json)
    raise typer.Exit(code)


Model = Annotated[str, typer.Argument(metavar="A", help="file.py:function, which returns the model. It is executed.")]
Other = Annotated[str, typer.Argument(metavar="B", help="The same for the second model.")]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", "-i", metavar="SPEC", help="'x: n c h w = 2 3 64 64 float32'; once for each input."),
]
PairingFile = Annotated[
    Path | None, typer.Option("--pairing", metavar="FILE", help="Made by layout -o, or {path: path} as JSON.")
]


@app.command()
def compare(
    first: Model,
    second: Other,
    inputs: Inputs = None,
    rungs: Annotated[str, typer.Option(help="What to check.")] = "eval,train,given,precision",
    pairing: PairingFile = None,
    table: Annotated[bool, typer.Option("--table", help="Print which parameter is which, too.")] = False,
    json: Annotated[File, typer.Option(metavar="FILE", help="Write the report as JSON.")] = None,
    html: Annotated[File, typer.Option(metavar="FILE", help="Write the report as one HTML page.")] = None,
    reproduce: Annotated[
        File, typer.Option(metavar="DIR", help="Write a script of the first diverging layer alone.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of all random draws.")] = 0,
) -> None:
    """Compare two models of your own: where they first part, and why."""
    from crosscheck.twins import command

    files = {"json": json, "html": html, "reproduce": reproduce}
    with refusing():
        for name in ("json", "html"):
            require_writable(name, files[name])
        given, words = inputs or [], names("rungs", rungs)
        line = shlex.join(["crosscheck", *sys.argv[1:]])
        code = command.compare(stdout(), first, second, given, words, seed, pairing, table, files, line)
    raise typer.Exit(code)


@app.command()
def layout(
    name: Annotated[str, typer.Argument(metavar="NAME|A", help="A case, an architecture, or file.py:function.")],
    other: Annotated[str, typer.Argument(metavar="[B]", help="file.py:function of the second model.")] = "",
    inputs: Inputs = None,
    pairing: PairingFile = None,
    output: Annotated[File, typer.Option("--output", "-o", metavar="FILE", help="Save the pairing of A and B.")] = None,
) -> None:
    """Print how parameters correspond: of a case in all columns, or of two models of your own."""
    from crosscheck.report.layout_table import find_case, page
    from crosscheck.twins import command

    with refusing():
        if other:
            require_writable("output", output)
            raise typer.Exit(command.layout(stdout(), name, other, inputs or [], pairing, output))
        if inputs or pairing or output:
            raise ValueError("--input, --pairing and --output go with two models, A and B")
        case = find_case(name)
    stdout().print(page(case))


@app.command()
def convert(
    weights: Annotated[Path, typer.Argument(metavar="WEIGHTS", help="The first model's .safetensors (or .pth, .pt).")],
    first: Annotated[str, typer.Option("--from", metavar="A", help="file.py:function of the model they are of.")],
    second: Annotated[str, typer.Option("--to", metavar="B", help="file.py:function of the model they are for.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to: a .safetensors file.")],
    inputs: Inputs = None,
    pairing: PairingFile = None,
    partial: Annotated[bool, typer.Option("--partial", help="Allow parameters without a counterpart.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the output.")] = False,
) -> None:
    """Turn one model's weights into another's: its names, its layout."""
    from crosscheck.twins import command

    with refusing():
        require_writable("output", output)
        code = command.convert(weights, first, second, inputs or [], pairing, output, partial, force)
    raise typer.Exit(code)


def main() -> None:
    one_thread()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal without ✓ still gets the words
    app()


@contextmanager
def refusing() -> Iterator[None]:
    """What the user asked for cannot be done: say why in one line, without a traceback."""
    from crosscheck.models.open import NotAModel

    try:
        yield
    except KeyboardInterrupt as error:
        typer.echo("crosscheck: interrupted", err=True)
        raise typer.Exit(130) from error
    except (LookupError, ValueError, OSError, NotAModel) as error:
        typer.echo(f"crosscheck: {error.args[0] if isinstance(error, LookupError) else error}", err=True)
        raise typer.Exit(2) from error


def plan(patterns: list[str], backends: str, rungs: str, dtypes: str, modes: str, device: str, seed: int) -> list[Task]:
    """The cases to run. Raises LookupError for an unknown name, ValueError for what this machine lacks."""
    from crosscheck.case import select
    from crosscheck.ladder import Settings
    from crosscheck.suite import Task

    usual = Settings()
    settings = Settings(
        backends=names("backends", backends) if backends else usual.backends,
        rungs=names("rungs", rungs) if rungs else usual.rungs,
        dtypes=names("dtypes", dtypes) if dtypes else usual.dtypes,
        modes=names("modes", modes),
        device=device,
        seed=seed,
    )
    require_device(settings)
    return [Task(case, settings) for case in select(patterns)]


def names(option: str, text: str) -> tuple[str, ...]:
    """The words of "a,b", each once."""
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise ValueError(f"--{option} is {text!r}; expected names separated by commas")
    return tuple(dict.fromkeys(words))


def require_device(settings: Settings) -> None:
    """A run on a GPU that no column can use would check nothing."""
    from crosscheck.ladder import available

    columns, absent = available(settings)
    if settings.device == "gpu" and columns == ["numpy"]:
        raise ValueError(f"--device gpu: no CUDA GPU can be used here ({'; '.join(absent.values())})")


def require_writable(option: str, file: File) -> None:
    """Better now than after the run."""
    if file is not None and file.is_dir():
        raise ValueError(f"--{option} is {str(file)!r}, a folder; expected the name of a file")
    folder = next((parent for parent in (file or Path("x")).absolute().parents if parent.exists()), Path())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(f"--{option} is {str(file)!r}, but {str(folder)!r} cannot be written to")


def processes(device: str) -> int:
    """One per core; on a GPU a few, which share its memory."""
    cores = int(unchanging()["cores"])
    return min(cores, 4) if device == "gpu" else cores


def run_shown(tasks: list[Task], jobs: int) -> Results:
    """Run with progress on stderr, then print the report on stdout."""
    from rich.console import Console

    from crosscheck.report import as_json, terminal
    from crosscheck.suite import run_tasks

    with terminal.progress(Console(stderr=True), len(tasks)) as on_outcome:
        results = run_tasks(tasks, jobs, on_outcome)
    terminal.show(as_json.document(results), stdout())
    return results


def stdout() -> Console:
    """A file or pipe has no width of its own: wide enough for the table."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(width=140)


def write_reports(results: Results, files: dict[str, File]) -> None:
    from crosscheck.report import as_html, as_json, junit

    writers: dict[str, Any] = {"json": as_json.write, "html": as_html.write, "junit": junit.write}
    wanted = {name: file for name, file in files.items() if file is not None}
    if not wanted:
        return
    document = as_json.document(results, command=shlex.join(["crosscheck", *sys.argv[1:]]))
    for name, file in wanted.items():
        try:
            writers[name](document, file)
        except OSError as error:
            typer.echo(f"crosscheck: {file} was not written: {error}", err=True)
            raise typer.Exit(2) from error
        typer.echo(f"wrote {file}", err=True)
