"""What the engine asks of a backend: build a case once, then observe it and train it, all in the reference's axes."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from crosscheck import registry
from crosscheck.axes import Array, parse
from crosscheck.case import Case
from crosscheck.feed import DATA_KINDS, Feed
from crosscheck.layout import Layout, join
from crosscheck.observation import Key, Node, Observation, indexed, numbered

Moments = Mapping[str, Mapping[str, Array]]


@dataclass(frozen=True)
class Rule:
    """An optimizer by the name all columns give it, with its hyperparameters."""

    name: str
    hyperparameters: Mapping[str, float]


@dataclass(frozen=True)
class Slope:
    """The cost at a point of training: its value, its gradients, and the running state that the pass leaves."""

    loss: float
    gradients: Mapping[str, Array]
    state: Mapping[str, Array]


@dataclass(frozen=True)
class Point:
    """Where training stands: parameters, running state, moments {"v": {path: array}} and steps taken; `slope` is that
    of the step that led here."""

    params: Mapping[str, Array]
    state: Mapping[str, Array]
    moments: Moments = field(default_factory=dict)
    t: int = 0
    slope: Slope | None = None


class Subject(ABC):
    """One case in one column, in one dtype and mode, on one device."""

    column: str

    def __init__(self, case: Case, dtype: str, mode: str, device: str):
        self.case, self.dtype, self.mode, self.device = case, dtype, mode, device
        self.specs = {name: parse(text) for name, text in case.inputs.items()}
        sizes = {axis: n for spec in self.specs.values() for axis, n in zip(spec.axes.split(), spec.sizes)}
        self.layout: Layout = join(reference_module(case), self.column, sizes)

    def sibling(self, dtype: str, mode: str) -> Subject:
        """The same case in another dtype or mode, on the same device."""
        return type(self)(self.case, dtype, mode, self.device)

    @abstractmethod
    def observe(self, feed: Feed, train: bool, trace: bool = True) -> Observation:
        """Run forward and backward. Without `trace` nothing is recorded of the submodules."""

    @abstractmethod
    def slope(self, feed: Feed, point: Point) -> Slope:
        """The case's cost in a training pass on the batch, at the point."""

    @abstractmethod
    def update(self, rule: Rule, point: Point, slope: Slope) -> Point:
        """Where the optimizer goes from the point, given the slope there."""

    def step(self, feed: Feed, rule: Rule, point: Point) -> Point:
        """One step of the optimizer on the case's cost."""
        return self.update(rule, point, self.slope(feed, point))

    def label_axes(self) -> str:
        return parse(self.case.labels).axes

    @abstractmethod
    def module_paths(self) -> list[str]:
        """The dotted paths of all submodules that can be watched, the root as ""."""

    def named_moments(self, rule: Rule, kept: Mapping[str, Mapping[str, Array]]) -> Moments:
        """An optimizer's moments by the names of the notes. One that the layout does not claim keeps its own name."""
        claimed = {own: (name, factor) for name, (own, factor) in self.layout.moments[rule.name].items()}
        moments = {}
        for own, values in kept.items():
            name, factor = claimed.get(own, (own, lambda **_: 1.0))
            scaled = {path: value * factor(**rule.hyperparameters) for path, value in values.items()}
            moments[name] = self.layout.from_column(scaled, trainable=True)
        return moments

    def is_data(self, name: str) -> bool:
        """Whether the input is data (labels, indices), by which no gradient is taken."""
        return name == "Y" or self.specs[name].kind in DATA_KINDS

    def find(self, target: str) -> Any:
        return registry.find(self.column, target)

    def cost(self, *outputs_and_labels: Any) -> Any:
        """The case's cost."""
        return self.find(self.case.cost)(*outputs_and_labels, **self.case.cost_arguments)

    def axes_of(self, path: str, role: str, index: int, rank: int) -> str:
        """The reference's axes of a module's input or output; the case states those of the whole."""
        specs = list(self.specs.values())
        if path == "" and role == "in" and index < len(specs):
            return specs[index].axes
        if path == "" and role == "out" and self.case.output:
            stated = self.case.output.split(", ")
            return stated[index if len(stated) > 1 else 0]
        return self.layout.data_axes(path, role, rank)

    def gather(
        self,
        nodes: list[Node],
        outputs: tuple[Any, ...],
        gradients: Mapping[str, Any],
        input_gradients: Mapping[str, Any],
        state: Mapping[str, Any],
        as_array: Callable[[Any], Any] = np.asarray,
    ) -> Observation:
        """Turn what the column produced, in its own layout, into an observation; gradients and state already are in the
        reference's. `as_array` lets the reference's number types through."""
        tensors: dict[Key, Array] = {}
        axes: dict[Key, str] = {}

        def put(kind: str, path: str, index: int, value: Any, module: str, role: str) -> None:
            if value is None:
                return
            array = as_array(value)
            key = Key(kind, indexed(path, index))
            axes[key] = self.axes_of(module, role, index, array.ndim)
            tensors[key] = self.layout.data_from_column(array, axes[key])

        for index, output in enumerate(outputs):
            put("output", "", index, output, "", "out")
        for name, value in input_gradients.items():
            key = Key("input gradient", name)
            axes[key] = self.specs[name].axes
            tensors[key] = self.layout.data_from_column(as_array(value), axes[key])
        parameter_axes = {row.path: row.axes for row in self.layout.rows}
        by_path = {Key("gradient", path): value for path, value in gradients.items()}
        by_path |= {Key("state", path): value for path, value in state.items()}
        for key, value in by_path.items():
            tensors[key] = as_array(value)
            axes[key] = parameter_axes[key.path]
        paths = numbered([node.path for node in nodes])
        for path, node in zip(paths, nodes):
            for kind, role, values in (
                ("input", "in", node.inputs),
                ("activation", "out", node.outputs),
                ("cotangent", "out", node.cotangents),
                ("input cotangent", "in", node.input_cotangents),
            ):
                for index, value in enumerate(values):
                    put(kind, path, index, value, node.path, role)
        return Observation(self.column, tensors, axes, tuple(paths))


def build(column: str, case: Case, **more: Any) -> Any:
    """What the case checks, as the column has it: a module, or a function of the inputs alone."""
    target = registry.find(column, case.target)
    if isinstance(target, type):
        return descend(target(**case.arguments, **more), case.part)
    return target(**case.arguments) if case.factory else partial(target, **case.arguments)


def descend(module: Any, path: str) -> Any:
    """The submodule at a dotted path, which is the same in every column: by part, by index or by attribute."""
    for name in path.split(".") if path else ():
        if hasattr(module, "parts"):
            module = module.parts[name]
        else:
            module = module[int(name)] if name.isdigit() else getattr(module, name)
    return module


def reference_module(case: Case) -> Any:
    return build("numpy", case)


def subject(column: str, case: Case, dtype: str = "float64", mode: str = "eager", device: str = "cpu") -> Subject:
    """Build the case in the column; imports the framework. Raises ValueError if the layout does not cover it."""
    module = importlib.import_module(f"crosscheck.backends.{column}_backend")
    built: Subject = module.Subject(case, dtype, mode, device)
    return built


def matching(outputs: Iterable[Any], cotangents: Iterable[Any]) -> list[tuple[Any, Any]]:
    """The outputs with their cotangents. One that has not the shape it should have is left out: that is its mistake,
    and to differentiate by it would be a crash."""
    return [(y, u) for y, u in zip(outputs, cotangents) if np.shape(y) == np.shape(u)]


def astuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)
