"""Watching and forcing the calls of a flax model's submodules while JAX traces the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx
from jax import extend

from crosscheck.models.jax_border import Border, Place
from crosscheck.models.jax_wide import named
from crosscheck.models.masks import dropped
from crosscheck.models.model import ATTEND, Call, call_key, kind_of, module_of
from crosscheck.models.trees import flatten, rebuild


def is_array(value: Any) -> bool:
    return isinstance(value, (jax.Array, np.ndarray, jax.core.Tracer))


class Watcher:
    """Notes calls, and lets what they take and give pass a border. `terms` are parts of the loss; `seen` has an element
    of everything that passed, so that all of it is computed."""

    def __init__(self, wanted: bool, border: Border | None = None, anchor: Any = 0.0):
        self.wanted, self.border, self.anchor = wanted, border, anchor
        self.calls: list[Call] = []
        self.stack: list[Call] = []
        self.counts: dict[str, int] = {}
        self.terms: list[Any] = []
        self.seen: list[Any] = []
        self.level = current_trace()

    def here(self) -> bool:
        """Whether the model itself is being traced: inside a scan or a branch nothing can be recorded."""
        return self.wanted and current_trace() == self.level

    def watched(self, path: str, kind: str, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """What a call of a module makes of what it is made to take, or is made to give."""
        args, kwargs = self.enter(path, kind, args, kwargs)
        with named(module_of(path)):
            result = call(*args, **kwargs)
        return self.leave(result)

    def enter(self, path: str, kind: str, args: Any, kwargs: Any) -> tuple[Any, Any]:
        key = call_key(path, self.counts)
        call = Call(key, kind, self.stack[-1].key if self.stack else None)
        self.stack.append(call)
        given = flatten((args, kwargs), is_array)
        call.inputs = {short(name): value for name, value in given.items()}
        taken = {name: self.passed((key, False, short(name)), value) for name, value in given.items()}
        changed: tuple[Any, Any] = rebuild((args, kwargs), taken)
        return changed

    def leave(self, result: Any) -> Any:
        call = self.stack.pop()
        self.calls.append(call)
        call.outputs = flatten(result, is_array)
        return rebuild(
            result, {name: self.passed((call.key, True, name), value) for name, value in call.outputs.items()}
        )

    def passed(self, place: Place, value: Any) -> Any:
        """What goes on instead of a value."""
        if self.border is None:
            return value
        if jnp.issubdtype(jnp.result_type(value), jnp.floating):
            value, term = self.border.passing(place, value, self.anchor)
            self.terms.append(term)
            self.seen.append(value)
        else:
            shown = self.border.seeing(place, plain(value))
            self.seen.append(shown)
            value = value if is_key(value) else shown
        return value


def plain(value: Any) -> Any:
    """Numbers, also for a random key."""
    return jax.random.key_data(value) if is_key(value) else value


def is_key(value: Any) -> bool:
    return bool(jnp.issubdtype(value.dtype, jax.dtypes.prng_key))


def short(name: str) -> str:
    """ "0.1" is the second positional argument, "1.mask" the keyword argument mask."""
    return name.partition(".")[2]


def current_trace() -> Any:
    return extend.core.get_opaque_trace_state()


@contextmanager
def watching_nnx(model: Any, watcher: Watcher) -> Iterator[None]:
    """While open, the calls of the model's modules pass the watcher, and dropout draws shared masks."""
    paths = {id(part): ".".join(map(str, keys)) for keys, part in nnx.iter_modules(model)}
    active: set[tuple[int, str]] = set()
    wrapped = [
        (cls, name, recorded(body, paths, watcher, active, behind)) for cls, name, body, behind in methods(model)
    ]
    undo = [patched(*each) for each in wrapped]  # once all are known, for a class may have its base's method
    try:
        yield
    finally:
        for restore in undo:
            restore()


def methods(model: Any) -> Iterator[tuple[type, str, Any, str]]:
    """Of every class its call, and of an embedding the product with its table: where it is, and what is recorded."""
    for cls in {type(part) for _, part in nnx.iter_modules(model)}:
        call = getattr(cls, "__call__", None)  # noqa: B004
        if call is not None and not issubclass(cls, (nnx.List, nnx.Dict)):
            yield cls, "__call__", shared_dropout if issubclass(cls, nnx.Dropout) else call, ""
        if issubclass(cls, nnx.Embed):
            yield cls, "attend", cls.attend, ATTEND


def recorded(
    call: Any, paths: Mapping[int, str], watcher: Watcher, active: set[tuple[int, str]], behind: str = ""
) -> Any:
    """The method, whose calls pass the watcher; active: modules of which one is under way, as a class calls its
    base's."""

    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        if (id(self), behind) in active or id(self) not in paths or not watcher.here():
            return call(self, *args, **kwargs)
        active.add((id(self), behind))
        try:
            return watcher.watched(paths[id(self)] + behind, kind_of(self) + behind, partial(call, self), args, kwargs)
        finally:
            active.discard((id(self), behind))

    return wrapper


def shared_dropout(self: Any, inputs: Any, *, deterministic: bool | None = None, **_: Any) -> Any:
    still = self.deterministic if deterministic is None else deterministic
    return dropped(inputs, self.rate, jax.lax.stop_gradient(inputs), jnp) if self.rate and not still else inputs


def patched(cls: Any, name: str, value: Any) -> Any:
    """Set an attribute of a class; returns the function that undoes it."""
    own = vars(cls).get(name)
    setattr(cls, name, value)
    return (lambda: delattr(cls, name)) if own is None else (lambda: setattr(cls, name, own))


@contextmanager
def watching_linen(watcher: Watcher) -> Iterator[None]:
    def intercept(call: Any, args: Any, kwargs: Any, context: Any) -> Any:
        attends = context.method_name == "attend" and isinstance(context.module, linen.Embed)
        if context.method_name != "__call__" and not attends:
            return call(*args, **kwargs)
        if isinstance(context.module, linen.Dropout):
            call = linen_dropout(context.module)
        if not watcher.here():
            return call(*args, **kwargs)
        behind = ATTEND if attends else ""
        path, kind = ".".join(context.module.path) + behind, kind_of(context.module) + behind
        return watcher.watched(path, kind, call, args, kwargs)

    with linen.intercept_methods(intercept):
        yield


def linen_dropout(module: Any) -> Any:
    def call(inputs: Any, deterministic: bool | None = None, **_: Any) -> Any:
        still = module.deterministic if deterministic is None else deterministic
        return inputs if still else dropped(inputs, module.rate, jax.lax.stop_gradient(inputs), jnp)

    return call
