"""The whole job: train, judge, draw, write."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from crosscheck.axes import Array
from crosscheck.detect import checkpoint
from crosscheck.detect.detections import Detections, detect, slots
from crosscheck.detect.recipe import Recipe
from crosscheck.detect.training import TWIN, Training, drift, start, train
from crosscheck.detect.verdict import Verdict, forward_noise, loaded_alike, trained_alike

COLUMNS = ("numpy", "torch", "jax")


@dataclass(frozen=True)
class Result:
    """trained, loaded: how each column but the reference compares with it, trained by itself and from one file of
    weights; found: what each column and its twin detect; drift: how far weights are apart, of columns and of twins"""

    training: Training
    found: Mapping[str, Detections]
    trained: Mapping[str, Verdict]
    loaded: Mapping[str, Verdict]
    drift: Mapping[str, float]
    not_run: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def columns(self) -> list[str]:
        return [name for name in self.found if not name.endswith(TWIN)]

    @property
    def problems(self) -> list[str]:
        """Why the result is not good enough."""
        if len(self.columns) < 2:
            return ["only one column was trained: nothing to compare it with"]
        target = self.training.recipe.target
        low = [
            f"{name}: mean average precision {self.found[name].mean:.4f} is below {target}"
            for name in self.columns
            if not self.found[name].mean >= target
        ]
        unlike = [
            f"{name}, {how}: {verdict.problem}"
            for how, verdicts in (("trained by itself", self.trained), ("from one file of weights", self.loaded))
            for name, verdict in verdicts.items()
            if verdict.problem
        ]
        return low + unlike


@dataclass(frozen=True)
class Files:
    """Where what is made goes."""

    folder: Path

    @property
    def weights(self) -> Path:
        return self.folder / "yolo.safetensors"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "detect-training.safetensors"

    @property
    def picture(self) -> Path:
        return self.folder / "detect.png"

    @property
    def page(self) -> Path:
        return self.folder / "detect.html"


def begin(recipe: Recipe, columns: Sequence[str], files: Files, resume: bool) -> Training:
    """A training from its start, or from where the last one was interrupted."""
    if not resume:
        return start(recipe, columns)
    return checkpoint.load(files.checkpoint, recipe, list(start(recipe, columns).points))


def run(
    training: Training,
    files: Files,
    pool: Executor,
    tell: Callable[[Training], None] = lambda training: None,
    on_part: Callable[[], None] = lambda: None,
    not_run: Mapping[str, str] | None = None,
) -> Result:
    """Train to the end, a checkpoint an epoch, and judge; `tell` and `on_part` hear of progress."""
    begun = time.perf_counter()

    def on_epoch() -> None:
        checkpoint.save(files.checkpoint, training)
        tell(training)

    train(training, pool, on_epoch, on_part)
    found, trained = judge_trained(training, pool)
    loaded = judge_loaded(training, files, pool)
    apart = {name: drift(training, name) for name in trained}
    apart |= {name + TWIN: drift(training, name + TWIN, name) for name in ("numpy", *trained)}
    return Result(training, found, trained, loaded, apart, not_run or {}, time.perf_counter() - begun)


def judge_trained(training: Training, pool: Executor) -> tuple[dict[str, Detections], dict[str, Verdict]]:
    """Every learner with its own weights."""
    with TemporaryDirectory() as folder:
        tasks = []
        for number, (name, point) in enumerate(training.points.items()):
            weights = Path(folder) / f"{number}.safetensors"
            checkpoint.save_weights(weights, training.recipe, point)
            tasks.append((name, training.recipe, weights))
        found = dict(zip(training.points, pool.map(detect, tasks)))
    return found, {name: trained_alike(found, name) for name in others(training)}


def judge_loaded(training: Training, files: Files, pool: Executor) -> dict[str, Verdict]:
    """Every column with the weights of the reference, from the file that is kept."""
    recipe, columns = training.recipe, ["numpy", *others(training)]
    checkpoint.save_weights(files.weights, recipe, training.points["numpy"])
    tasks = [(name, recipe, files.weights) for name in columns]
    found: dict[str, Detections] = dict(zip(columns, pool.map(detect, tasks)))
    seen: dict[str, Array] = dict(zip(columns, pool.map(slots, tasks)))
    floor = forward_noise(recipe, files.weights)
    return {name: loaded_alike(found, seen, floor, name) for name in columns[1:]}


def others(training: Training) -> list[str]:
    """The columns but the reference."""
    return [name for name in training.points if name != "numpy" and not name.endswith(TWIN)]
