"""Trains a small YOLO on scenes of shapes, in every column from the same start, and shows that they detect the same.

    scripts/detect [--resume] [--folder reports]

Writes into the folder: yolo.safetensors, the weights, which any column loads; detect.png and detect.html, held-out
scenes with what there is and what each column finds; detect-training.safetensors, from which --resume goes on after an
interruption. Exits with 0 if every column is good enough and all find the same, 1 if not, 2 if what was asked for
cannot be done, 130 if interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from crosscheck.settings import one_thread, unchanging

if TYPE_CHECKING:
    from crosscheck.detect.job import Files, Result
    from crosscheck.detect.recipe import Recipe
    from crosscheck.detect.training import Training


def main(words: Sequence[str] | None = None) -> int:
    one_thread()
    parser = argparse.ArgumentParser(prog="scripts/detect", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--resume", action="store_true", help="go on with a training that was interrupted")
    parser.add_argument("--folder", type=Path, default=Path("reports"), help="where everything goes (%(default)s)")
    for name, what in (("scenes", "to train on"), ("held-out", "scenes to judge by"), ("epochs", "passes over them")):
        parser.add_argument(f"--{name}", type=int, help=what)
    options = parser.parse_args(words)
    asked = {name: value for name in ("scenes", "held_out", "epochs") if (value := getattr(options, name)) is not None}
    from crosscheck.detect.recipe import Recipe  # after one_thread: it imports NumPy

    try:
        return detect(Recipe(**asked), options.folder, options.resume)
    except (ValueError, OSError) as error:
        print(f"scripts/detect: {error}", file=sys.stderr)
        return 2
    except BrokenProcessPool:
        print("scripts/detect: a worker was killed, perhaps for its memory; --resume goes on", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; scripts/detect --resume goes on after the last epoch that is done", file=sys.stderr)
        return 130


def detect(recipe: Recipe, folder: Path, resume: bool = False) -> int:
    """The exit code."""
    from crosscheck.detect import report
    from crosscheck.detect.job import COLUMNS, Files, begin, run
    from crosscheck.detect.training import workers
    from crosscheck.session import split_columns

    columns, not_run = split_columns(COLUMNS)
    files = Files(folder)
    folder.mkdir(parents=True, exist_ok=True)
    training = begin(recipe, columns, files, resume)
    with workers(int(unchanging()["cores"])) as pool, progress(training) as (on_part, tell):
        result = run(training, files, pool, tell, on_part, not_run)
    write(result, files)
    from crosscheck.cli import stdout

    console = stdout()
    console.print(report.table(result))
    for problem in result.problems:
        console.print(f"✗ {problem}", style="bold bright_red", highlight=False, markup=False)
    console.print(f"wrote {files.page}, {files.picture} and {files.weights}", highlight=False)
    return 1 if result.problems else 0


@contextmanager
def progress(training: Training) -> Iterator[tuple[Callable[[], None], Callable[[Training], None]]]:
    """A bar on a terminal, and a line an epoch anywhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    left = (training.recipe.epochs - training.epoch) * len(training.points)
    shown = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*shown, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("training", total=left)

        def tell(training: Training) -> None:
            costs = ", ".join(f"{name} {curve[-1]:.4f}" for name, curve in training.curves.items() if "," not in name)
            console.print(f"epoch {training.epoch} of {training.recipe.epochs}: cost {costs}", highlight=False)

        yield lambda: bar.advance(task), tell


def write(result: Result, files: Files) -> None:
    from crosscheck.detect import pictures, report

    found = {name: result.found[name] for name in result.columns}
    picture = pictures.draw(result.training.recipe.judged, found)
    files.picture.write_bytes(picture)
    report.write(result, picture, files.page)


if __name__ == "__main__":
    sys.exit(main())
