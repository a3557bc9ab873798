"""Values that leave a JAX program where a call begins or ends, and go on as they are or as something else.

At each such place the running program hands a value to the host, which records it and may put another in its place;
backward likewise its cotangent. So one program serves every run, whatever is recorded or forced in it, and holds no
more than a plain one does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from crosscheck.axes import Array
from crosscheck.models.model import NOTHING, Arrays, Ask, Call, stand_in
from crosscheck.models.shelf import Shelf

try:
    from jax.experimental.buffer_callback import buffer_callback
except ImportError:
    buffer_callback = None

Place = tuple[str, bool, str]
"""A call's key, whether it is something that the call gives (else takes), and its name there."""
Hand = Callable[[Array], Array | None]
"""What to put in the place of an array; None leaves it."""


class Host:
    """What one run records and forces. Whatever is raised here is kept, for XLA would make another error of it."""

    def __init__(self, ask: Ask):
        self.ask, self.shelf = ask, Shelf()
        self.is_idle = not ask.trace and not ask.forced
        self.seen: dict[Place, Array] = {}
        self.came: dict[Place, Array] = {}
        self.raised: BaseException | None = None

    def ahead(self, place: Place, value: Array) -> Array | None:
        self.seen[place] = self.shelf.keep(wider(value))
        return self.forced(place, value)[0]

    def behind(self, place: Place, cotangent: Array) -> Array | None:
        """The value in whose place another was put gets the cotangent that it would have got."""
        if self.ask.cotangents is None:
            return None
        self.came[place] = self.shelf.keep(wider(cotangent))
        value, weight = self.forced(place, cotangent)
        return np.zeros(()) if value is not None and weight is None else weight

    def forced(self, place: Place, like: Array) -> tuple[Array | None, Array | None]:
        key, gives, name = place
        force = self.ask.forced.get(key, NOTHING)
        values, weights = (force.outputs, force.cotangents) if gives else (force.inputs, force.input_cotangents)
        value = values.get(name)
        return (None, None) if value is None or value.shape != like.shape else (value, weights.get(name))

    def handing(self, how: Callable[[Host, Place, Array], Array | None], place: Place, value: Array) -> Array | None:
        if self.is_idle or self.raised:
            return None
        try:
            return how(self, place, value)
        except BaseException as error:
            self.raised = error
            return None

    def kept(self, values: Arrays) -> Arrays:
        return {name: self.shelf.keep(value, copy=False) for name, value in values.items()}

    def call(self, shaped: Call) -> Call:
        """A call with what was seen of it. Without cotangents where none was asked for; zeros where none came."""
        ends = ((False, shaped.inputs), (True, shaped.outputs))
        inputs, outputs = ({n: self.at((shaped.key, gives, n), x) for n, x in side.items()} for gives, side in ends)
        back, cotangents = (
            self.backward(shaped.key, gives, side) for gives, side in ((False, inputs), (True, outputs))
        )
        return Call(shaped.key, shaped.kind, shaped.parent, inputs, outputs, cotangents, back)

    def at(self, place: Place, shaped: Array) -> Array:
        """What is empty does not come by."""
        return self.seen[place] if place in self.seen else stand_in(shaped.shape, shaped.dtype)

    def backward(self, key: str, gives: bool, values: Mapping[str, Array]) -> Arrays:
        if self.ask.cotangents is None:
            return {}
        floats = {name: x for name, x in values.items() if x.dtype.kind == "f"}
        return {name: self.came.get((key, gives, name), stand_in(x.shape, x.dtype)) for name, x in floats.items()}


IDLE = Host(Ask({}, {}))


class Border:
    """Where a program's values pass; `host` is that of the present run."""

    def __init__(self) -> None:
        self.host = IDLE

    @contextmanager
    def open(self, host: Host) -> Iterator[None]:
        """For one run."""
        self.host = host
        try:
            yield
        finally:
            self.host = IDLE
        if host.raised:
            raise host.raised

    def passing(self, place: Place, value: Any, anchor: Any) -> tuple[Any, Any]:
        """What goes on, and a part of the loss. The cotangent comes by even if the value leads nowhere, for that part
        (0) hangs on it; and even if it comes from nowhere, for the anchor's gradient hangs on the cotangent."""
        ahead, behind = self.hand(Host.ahead, place), self.hand(Host.behind, place)

        def back(_: Any, u: Any) -> tuple[Any, Any]:
            handed_on = handed(behind, u)
            return handed_on, handed_on.ravel()[:1].sum().astype(anchor.dtype)

        on = jax.custom_vjp(lambda x, a: handed(ahead, x))
        on.defvjp(lambda x, a: (on(x, a), None), back)
        tied = jax.custom_vjp(lambda x: jnp.zeros(()))
        tied.defvjp(lambda x: (tied(x), None), lambda _, u: (jnp.zeros(value.shape, value.dtype),))
        passed = on(value, anchor)
        return passed, tied(passed)

    def seeing(self, place: Place, value: Any) -> Any:
        """The value, recorded if need be; for what has no cotangent."""
        return handed(self.hand(Host.ahead, place), jax.lax.stop_gradient(value))

    def hand(self, how: Callable[[Host, Place, Array], Array | None], place: Place) -> Hand:
        return lambda value: self.host.handing(how, place, value)


def machine() -> Any:
    """The device on which JAX runs programs of NumPy arrays."""
    chosen = jax.config.jax_default_device
    if isinstance(chosen, str) or chosen is None:
        return jax.devices(chosen)[0]
    return chosen


def handed(hand: Hand, value: Any) -> Any:
    """The value, or what the host puts in its place. On a CPU in the very memory of the program: a callback that is
    given arrays of JAX waits for ever if the only thread that could make them is its own."""
    shape = jax.ShapeDtypeStruct(value.shape, value.dtype)
    if buffer_callback is None or machine().platform != "cpu":
        return jax.pure_callback(lambda x: chosen(hand(np.asarray(x)), np.asarray(x)), shape, value)

    def in_place(_: Any, out: Any, given: Any) -> None:
        array, before = np.asarray(out), np.asarray(given)
        if array.ctypes.data != before.ctypes.data:
            array[...] = before
        found = hand(array)
        if found is not None:
            array[...] = found

    return buffer_callback(in_place, shape, input_output_aliases={0: 0})(value)


def chosen(found: Array | None, value: Array) -> Array:
    return value if found is None else np.broadcast_to(found, value.shape).astype(value.dtype)


def wider(value: Array) -> Array:
    """As the rest of the project has it: bfloat16, which NumPy lacks, as float32."""
    return value.astype(np.float32) if value.dtype == jnp.bfloat16 else value
