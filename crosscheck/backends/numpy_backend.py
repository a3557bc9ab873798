"""Runs the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.backends import base
from crosscheck.backends.base import Point, Rule, Slope, astuple, matching, reference_module
from crosscheck.feed import Feed
from crosscheck.observation import Node, Observation
from reference.module import Mode, Sequence, flatten, nest, unobserved, walk

Watch = Callable[..., Any]
Lift = Callable[[Any], Any]


class Subject(base.Subject):
    column = "numpy"

    @cached_property
    def module(self) -> Any:
        return reference_module(self.case)

    @property
    def is_function(self) -> bool:
        return not hasattr(self.module, "parts")

    def module_paths(self) -> list[str]:
        return (
            [""] if self.is_function else [path for path, part in walk(self.module) if not isinstance(part, Sequence)]
        )

    def observe(self, feed: Feed, train: bool, trace: bool = True) -> Observation:
        return self.observe_as(lambda array: array, feed, train, trace, np.asarray)

    def observe_as(
        self,
        lift: Lift,
        feed: Feed,
        train: bool,
        trace: bool = True,
        as_array: Lift = lambda value: value,
    ) -> Observation:
        """Observe the reference on another kind of number: `lift` turns every float array that it is given into one."""
        nodes: list[Node] = []
        inputs = [self.given(value, lift) for value in feed.inputs.values()]
        outputs, state, back = self.forward(feed, inputs, train, watcher(nodes) if trace else unobserved, lift)
        gradients: dict[str, Any] = {}
        input_gradients: dict[str, Any] = {}
        cotangents = [self.given(u, lift) for _, u in matching(outputs, feed.cotangents)]
        if self.case.differentiable and len(cotangents) == len(outputs):
            dp, *dX = back(*cotangents)
            gradients = {path: np.zeros(value.shape) for path, value in feed.params.items()} | flatten(dp)
            names = [name for name in feed.inputs if not self.is_data(name)]
            input_gradients = dict(zip(names, dX))
        return self.gather(nodes, outputs, gradients, input_gradients, flatten(state), as_array)

    def forward(
        self, feed: Feed, inputs: list[Any], train: bool, watch: Watch, lift: Lift
    ) -> tuple[tuple[Any, ...], Mapping[str, Any], Callable[..., Any]]:
        """Outputs, state afterwards and pullback; a plain function is run as a module without parameters."""
        if self.is_function:
            return self.call_function(inputs, watch)
        mode = Mode(train, lambda path, shape: self.cast(feed.uniforms[path]), watch)
        params, state = ({k: self.given(v, lift) for k, v in values.items()} for values in (feed.params, feed.state))
        Y, after, back = self.module(nest(params), nest(state), *inputs, mode=mode)
        return astuple(Y), after, back

    def call_function(
        self, inputs: list[Any], watch: Watch
    ) -> tuple[tuple[Any, ...], Mapping[str, Any], Callable[..., Any]]:
        result = self.module(*inputs)
        if not self.case.differentiable:
            watch("", tuple(inputs), result, None)
            return astuple(result), {}, lambda *_: ({},)
        Y, back_function = result
        Y, back = watch("", tuple(inputs), Y, lambda *dY: ({}, *astuple(back_function(*dY))))
        return astuple(Y), {}, back

    def slope(self, feed: Feed, point: Point) -> Slope:
        slope = self.slope_as(lambda array: array, feed, point)
        return replace(slope, loss=float(slope.loss))

    def slope_as(self, lift: Lift, feed: Feed, point: Point) -> Slope:
        """The slope on another kind of number; the loss is left as that number."""
        at = replace(feed, params=point.params, state=point.state)
        inputs = [self.given(value, lift) for value in feed.inputs.values()]
        outputs, state, back = self.forward(at, inputs, True, unobserved, lift)
        assert feed.labels is not None
        J, back_cost = self.cost(*outputs, self.cast(feed.labels))
        dp, *_ = back(*astuple(back_cost(1)))
        return Slope(J, flatten(dp), flatten(state))

    def update(self, rule: Rule, point: Point, slope: Slope) -> Point:
        return self.update_as(lambda array: array, rule, point, slope)

    def update_as(self, lift: Lift, rule: Rule, point: Point, slope: Slope) -> Point:
        optimizer = self.find(f"training.optimizers.{rule.name}")(**rule.hyperparameters)
        params = {path: self.given(value, lift) for path, value in point.params.items()}
        moments: dict[str, Any] = {
            name: {path: self.given(value, lift) for path, value in values.items()}
            for name, values in point.moments.items()
        }
        before = moments | {"t": point.t} if point.t else optimizer.init(params)
        params, after = optimizer.step(params, slope.gradients, before)
        moments = {name: value for name, value in after.items() if isinstance(value, Mapping)}
        return Point(params, slope.state, moments, point.t + 1, slope)

    def given(self, value: Array, lift: Lift) -> Any:
        """What the reference is handed: cast, and lifted unless it is whole numbers or a lifted number already."""
        if not isinstance(value, np.ndarray):
            return value
        return lift(self.cast(value)) if value.dtype.kind == "f" else self.cast(value)

    def cast(self, value: Array) -> Array:
        """In the tested dtype and read-only: the reference never writes into what it is given."""
        cast = np.array(value, dtype=self.dtype if value.dtype.kind == "f" else value.dtype)
        cast.flags.writeable = False
        return cast


def watcher(nodes: list[Node]) -> Watch:
    """An observer that records every module's inputs and output, and its cotangents once they come."""

    def watch(path: str, X: tuple[Array, ...], Y: Any, back: Callable[..., Any]) -> tuple[Any, Callable[..., Any]]:
        node = Node(path, X, astuple(Y))
        nodes.append(node)

        def recorded(*dY: Array) -> Any:
            dp, *dX = back(*dY)
            node.cotangents, node.input_cotangents = dY, tuple(dX)
            return (dp, *dX)

        return Y, recorded

    return watch
