"""What all JAX models share: one pure function of values, inputs and probes, jitted once for each kind of run."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from crosscheck.axes import Array
from crosscheck.backends.xla import quick_options
from crosscheck.models.jax_watch import Watcher, is_array
from crosscheck.models.model import Arrays, Ask, Call, Look, Model, Run, cast
from crosscheck.models.trees import flatten

Pytree = Any
NOTHING: tuple[Pytree, ...] = ({}, {}, {}, {})


class JaxModel(Model):
    """Subclasses say how the function is applied."""

    by_name: bool

    def __init__(self) -> None:
        self.notes = []
        self.programs: dict[Any, Callable[..., Any]] = {}
        self.recorded: dict[Any, list[Call]] = {}
        self.zeros: dict[Any, Pytree] = {}

    @abstractmethod
    def apply(self, values: Mapping[str, Any], inputs: Mapping[str, Any], train: bool, watcher: Watcher) -> Any:
        """(result, state by path): the model applied to arrays or tracers, its calls passing the watcher."""

    def arguments(self, inputs: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return ((), dict(inputs)) if self.by_name else (tuple(inputs.values()), {})

    def look(self, ask: Ask) -> Look:
        """Abstractly: nothing is computed."""
        with self.width(ask):
            closed, calls, outputs = self.traced(ask)
        return Look(
            tuple(call.key for call in calls), {name: tuple(y.shape) for name, y in outputs.items()}, self.uses(closed)
        )

    def draws(self, ask: Ask) -> bool:
        with self.width(ask):
            return "random_bits" in str(self.traced(ask)[0])

    def traced(self, ask: Ask) -> tuple[Any, list[Call], Any]:
        """The program of a forward pass, its calls, and its outputs' shapes."""
        at, calls = Point(self, ask), []

        def forward(values: Any, inputs: Any) -> Any:
            watcher = Watcher(True, {}, {}, {})
            result, _ = self.apply(values, {n: inputs[n] for n in ask.inputs}, ask.train, watcher)
            calls.extend(watcher.calls)
            return flatten(result, is_array)

        closed, outputs = jax.make_jaxpr(forward, return_shape=True)(at.moving | at.fixed, at.smooth | at.data)
        return closed, calls, outputs

    def uses(self, closed: Any) -> dict[str, int]:
        """For leaves without a module: the first operation that takes them."""
        return {}

    def width(self, ask: Ask) -> Any:
        wide = ask.dtype == "float64" or any(leaf.dtype == "float64" for leaf in self.leaves)
        return jax.enable_x64(wide or bool(jax.config.jax_enable_x64))

    def run(self, ask: Ask) -> Run:
        with self.width(ask), jax.default_matmul_precision("highest"):
            return self.asked(ask)

    def asked(self, ask: Ask) -> Run:
        at = Point(self, ask)
        key = (ask.train, ask.dtype, ask.cotangents is None, ask.trace, tuple(ask.forced), at.shapes())
        program = self.programs.setdefault(key, self.program(key, ask))
        probes = self.probes(key, at, ask) if ask.trace or ask.probes else {}
        slopes, (outputs, state, recorded) = program(
            (at.moving, at.smooth, probes, at.forced), at.fixed, at.data, at.weights
        )
        moving, smooth, probed, forced = slopes or NOTHING
        calls = []
        none: tuple[Arrays, Arrays] = ({}, {})
        for call, (inputs, results) in zip(self.recorded[key], recorded):
            d_in, d_out = (forced if call.key in forced else probed).get(call.key, none)
            sides = map(arrays, (inputs, results, d_out, d_in))
            calls.append(Call(call.key, call.kind, call.parent, *sides))
        return Run(arrays(outputs), arrays(moving), arrays(smooth), arrays(state), calls)

    def program(self, key: Any, ask: Ask) -> Any:
        """The jitted function for one kind of run; what it differentiates by is its first argument."""

        def forward(by: Pytree, fixed: Arrays, data: Arrays, weights: Pytree) -> Any:
            moving, smooth, probes, forced = by
            cotangents, forced_weights = weights
            watcher = Watcher(ask.trace or bool(probes) or bool(forced), probes, forced, forced_weights)
            result, state = self.apply(moving | fixed, {n: (smooth | data)[n] for n in ask.inputs}, ask.train, watcher)
            outputs = flatten(result, is_array)
            self.recorded[key] = [Call(call.key, call.kind, call.parent) for call in watcher.calls]
            terms = [jnp.sum(y * cotangents[n].astype(y.dtype)) for n, y in outputs.items() if fits(y, cotangents, n)]
            recorded = [(call.inputs, call.outputs) for call in watcher.calls]
            return sum([*terms, *watcher.terms], start=jnp.zeros(())), (outputs, state, recorded)

        options = quick_options(1) if ask.dtype and jax.default_backend() == "cpu" else None
        if ask.cotangents is None:
            return jax.jit(lambda *args: (None, forward(*args)[1]), compiler_options=options)
        return jax.jit(jax.grad(forward, has_aux=True), compiler_options=options)

    def probes(self, key: Any, at: Point, ask: Ask) -> Pytree:
        """What is added to every recorded input and output: zeros, by which the gradients are the cotangents."""
        if key not in self.zeros:
            calls: list[Call] = []

            def traced() -> Any:
                watcher = Watcher(True, {}, {}, {})
                self.apply(at.moving | at.fixed, {n: (at.smooth | at.data)[n] for n in ask.inputs}, ask.train, watcher)
                calls.extend(watcher.calls)
                return [(call.inputs, call.outputs) for call in watcher.calls]

            found = jax.eval_shape(traced)
            self.zeros[key] = {call.key: tuple(map(zeros, sides)) for call, sides in zip(calls, found)}
        return {
            call: (ins, {n: cast(ask.probes.get(call, {}).get(n, zero), zero.dtype.name) for n, zero in outs.items()})
            for call, (ins, outs) in self.zeros[key].items()
        }


class Point:
    """A run's arrays in its dtype, those that are differentiated by apart from the rest."""

    def __init__(self, model: JaxModel, ask: Ask):
        values = {leaf.path: cast(ask.values[leaf.path], ask.dtype or leaf.dtype) for leaf in model.leaves}
        trainable = {leaf.path for leaf in model.leaves if leaf.trainable}
        self.moving = {path: v for path, v in values.items() if path in trainable and is_float(v)}
        self.fixed = {path: v for path, v in values.items() if path not in self.moving}
        inputs = {name: cast(value, ask.dtype) for name, value in ask.inputs.items()}
        self.smooth = {name: value for name, value in inputs.items() if is_float(value)}
        self.data = {name: value for name, value in inputs.items() if name not in self.smooth}
        self.forced = {key: (floats(f.inputs), floats(f.outputs)) for key, f in ask.forced.items()}
        forced = {key: (f.input_cotangents, f.cotangents) for key, f in ask.forced.items()}
        self.weights = (dict(ask.cotangents or {}), forced if ask.cotangents is not None else {})

    def shapes(self) -> tuple[Any, ...]:
        return tuple((name, v.shape, v.dtype.name) for name, v in (self.smooth | self.data).items())


def zeros(shaped: Mapping[str, Any]) -> Arrays:
    return {name: np.zeros(s.shape, s.dtype) for name, s in shaped.items() if jnp.issubdtype(s.dtype, jnp.floating)}


def floats(values: Mapping[str, Array]) -> Arrays:
    return {name: value for name, value in values.items() if is_float(value)}


def fits(y: Any, cotangents: Mapping[str, Any], name: str) -> bool:
    return is_float(y) and name in cotangents and cotangents[name].shape == y.shape


def is_float(value: Any) -> bool:
    return bool(jnp.issubdtype(jnp.result_type(value), jnp.floating))


def arrays(values: Mapping[str, Any]) -> Arrays:
    return {name: numpy(value) for name, value in values.items()}


def numpy(value: Any) -> Array:
    """As a NumPy array; bfloat16, which NumPy lacks, as float32."""
    if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype == jnp.bfloat16 else array
