"""What all JAX models share: one pure function of values and inputs, jitted once for each kind of run."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from crosscheck.axes import Array
from crosscheck.backends.xla import quick_options
from crosscheck.models.jax_border import Border, Host, machine, wider
from crosscheck.models.jax_watch import Watcher, is_array, is_key, plain
from crosscheck.models.jax_wide import narrow_places, widened
from crosscheck.models.model import Arrays, Ask, Call, Look, Model, Run, cast, stand_in
from crosscheck.models.trees import flatten

Pytree = Any
ANCHOR = np.zeros(())
"""What all that passes a border hangs on."""
SMALL = 2**26
"""Bytes. What records no more than that in a run is always run so, by one program for all purposes."""


class JaxModel(Model):
    """Subclasses say how the function is applied."""

    by_name: bool

    def __init__(self) -> None:
        self.notes = []
        self.programs: dict[Any, tuple[Callable[..., Any], Border | None]] = {}
        self.known: dict[Any, Traced] = {}
        self.last: tuple[Ask, Run] | None = None
        self.rigid = False  # something in it takes nothing but float32

    @abstractmethod
    def apply(self, values: Mapping[str, Any], inputs: Mapping[str, Any], train: bool, watcher: Watcher) -> Any:
        """(result, state by path): the model applied to arrays or tracers, its calls passing the watcher."""

    @abstractmethod
    def tree(self, values: Mapping[str, Any]) -> Pytree:
        """What is trained, as the framework hands it to an optimizer."""

    def at_home(self, values: Iterable[Any]) -> None:
        """Notes where the model's arrays are, and where it will be run."""
        homes = [device for value in values if isinstance(value, jax.Array) for device in value.devices()]
        self.machine = place_of(machine())
        self.home = place_of(homes[0]) if homes else self.machine

    def arguments(self, inputs: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return ((), dict(inputs)) if self.by_name else (tuple(inputs.values()), {})

    def look(self, ask: Ask) -> Look:
        """Abstractly: nothing is computed."""
        with self.settings(ask):
            traced = self.traced(ask)
        self.narrow = traced.narrow if ask.dtype == "float64" else ()
        return Look.of(traced.calls, traced.outputs, self.uses(traced.program))

    def draws(self, ask: Ask) -> bool:
        with self.settings(ask):
            return "random_bits" in self.traced(ask).text

    def lifts(self, ask: Ask) -> bool:
        """Whether to run without making float32."""
        return ask.dtype == "float64" and not self.rigid and bool(self.traced(ask).narrow)

    def traced(self, ask: Ask) -> Traced:
        """What a forward pass of this kind computes and records, found out without computing."""
        at, calls = Point(self, ask), []
        key = (ask.train, ask.dtype, at.shapes())
        if key not in self.known:

            def forward(values: Any, inputs: Any) -> Any:
                watcher = Watcher(True)
                result, state = self.apply(values, {n: inputs[n] for n in ask.inputs}, ask.train, watcher)
                calls.extend(watcher.calls)
                return flatten(result, is_array), [(call.inputs, call.outputs) for call in watcher.calls], state

            trace = jax.make_jaxpr(forward, return_shape=True)
            program, (outputs, recorded, _) = trace(at.moving | at.fixed, at.smooth | at.data)
            shaped = tuple(
                replace(call, inputs=stand_ins(ins), outputs=stand_ins(outs))
                for call, (ins, outs) in zip(calls, recorded)
            )
            self.known[key] = Traced(program, shaped, stand_ins(outputs))
        return self.known[key]

    def trains(self, ask: Ask) -> bool:
        """Whether to run in training mode: not if evaluation is the same program."""
        return ask.train and not self.traced(ask).same(self.traced(replace(ask, train=False)))

    def uses(self, closed: Any) -> dict[str, int]:
        """For leaves without a module: the first operation that takes them."""
        return {}

    @contextmanager
    def settings(self, ask: Ask) -> Iterator[None]:
        """JAX's settings while something is traced or run: in the width that is asked for, products in full."""
        wide = ask.dtype == "float64" or any(leaf.dtype == "float64" for leaf in self.leaves)
        with jax.enable_x64(wide or bool(jax.config.jax_enable_x64)), jax.default_matmul_precision("highest"):
            yield

    def run(self, ask: Ask) -> Run:
        """What was asked last is answered once, so training that is the same program as evaluation is run with it."""
        with self.settings(ask):
            ask = replace(ask, train=self.trains(ask))
            if self.last is None or not ask.same(self.last[0]):
                self.last = None  # before another one takes as much memory
                self.last = ask, self.attempted(ask)
            return self.last[1]

    def attempted(self, ask: Ask) -> Run:
        """Without making float32 where that can be had, else as the model is."""
        try:
            return self.asked(ask)
        except Exception:
            if not self.lifts(ask):
                raise
            self.rigid, self.narrow = True, ()
            self.programs.clear()
            return self.asked(ask)

    def asked(self, ask: Ask) -> Run:
        at, shape = Point(self, ask), self.traced(ask)
        small, wanted = ask.dtype == "float64" and shape.size <= SMALL, ask.trace or bool(ask.forced)
        slopes = small or wanted or ask.cotangents is not None
        key = (ask.train, ask.dtype, small or wanted, slopes, at.shapes())
        if key not in self.programs:
            self.programs[key] = self.program(ask, Border() if small or wanted else None, slopes)
        program, border = self.programs[key]
        host = Host(ask)
        with border.open(host) if border else nullcontext():
            gradients, (outputs, state, _) = program(
                (at.moving, at.smooth, ANCHOR), at.fixed, at.data, shape.ends | floats(ask.cotangents or {})
            )
            moving, smooth, _ = gradients if ask.cotangents is not None else ({}, {}, None)
            made, by_leaf, by_input, after = (host.kept(arrays(part)) for part in (outputs, moving, smooth, state))
        calls = [host.call(call) for call in shape.calls] if wanted else []
        return Run(made, by_leaf, by_input, after, calls)

    def program(self, ask: Ask, border: Border | None, slopes: bool) -> tuple[Any, Border | None]:
        """The jitted function for one kind of run; what it differentiates by is its first argument."""

        def forward(by: Pytree, fixed: Arrays, data: Arrays, cotangents: Arrays) -> Any:
            moving, smooth, anchor = by
            watcher = Watcher(border is not None, border, anchor)
            result, state = self.apply(moving | fixed, {n: (smooth | data)[n] for n in ask.inputs}, ask.train, watcher)
            outputs = flatten(result, is_array)
            terms = [jnp.sum(y * cotangents[n].astype(y.dtype)) for n, y in outputs.items() if fits(y, cotangents, n)]
            seen = [jax.lax.stop_gradient(x).ravel()[:1] for x in watcher.seen]
            return sum([*terms, *watcher.terms], start=jnp.zeros(())), (outputs, state, seen)

        options = quick_options(1) if ask.dtype and machine().platform == "cpu" else None
        whole = jax.grad(forward, has_aux=True) if slopes else lambda *args: (None, forward(*args)[1])
        return jax.jit(widened(whole) if self.lifts(ask) else whole, compiler_options=options), border


@dataclass(frozen=True)
class Traced:
    """The program of a forward pass; its calls and outputs, with stand-ins for arrays."""

    program: Any
    calls: tuple[Call, ...]
    outputs: Arrays

    @cached_property
    def narrow(self) -> tuple[str, ...]:
        """The modules in which float32 is made."""
        return narrow_places(self.program)

    @cached_property
    def text(self) -> str:
        return str(self.program.jaxpr)

    def same(self, other: Traced) -> bool:
        """Whether the other computes the very same, of the same constants."""
        constants = list(zip(self.program.consts, other.program.consts))
        alike = [call.key for call in self.calls] == [call.key for call in other.calls]
        return alike and self.text == other.text and all(np.array_equal(numpy(a), numpy(b)) for a, b in constants)

    @cached_property
    def ends(self) -> Arrays:
        """Zeros for the outputs."""
        return zeros(self.outputs)

    @property
    def size(self) -> int:
        """Bytes of everything that is recorded."""
        sides = [side for call in self.calls for side in (call.inputs, call.outputs)]
        return sum(x.size * x.dtype.itemsize for side in sides for x in floats(side).values())


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

    def shapes(self) -> tuple[Any, ...]:
        return tuple((name, v.shape, v.dtype.name) for name, v in (self.smooth | self.data).items())


def place_of(device: Any) -> str:
    return f"{device.platform}:{device.id}"


def stand_ins(shaped: Mapping[str, Any]) -> Arrays:
    return {name: stand_in(s.shape, s.dtype if not is_key(s) else np.uint32) for name, s in shaped.items()}


def zeros(shaped: Mapping[str, Any]) -> Arrays:
    return {name: np.zeros(s.shape, s.dtype) for name, s in shaped.items() if is_float(s)}


def floats(values: Mapping[str, Array]) -> Arrays:
    return {name: value for name, value in values.items() if is_float(value)}


def fits(y: Any, cotangents: Mapping[str, Any], name: str) -> bool:
    return is_float(y) and name in cotangents and cotangents[name].shape == y.shape


def is_float(value: Any) -> bool:
    return bool(jnp.issubdtype(jnp.result_type(value), jnp.floating))


def arrays(values: Mapping[str, Any]) -> Arrays:
    return {name: numpy(value) for name, value in values.items()}


def numpy(value: Any) -> Array:
    return wider(np.asarray(plain(value)))
