"""Watching the modules of a flax model while it is traced: what goes in and out of each, and dropout's draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax.numpy as jnp
from flax import nnx

from crosscheck.backends.base import astuple

Arrays = dict[str, Any]


class Recorder:
    """Collects (path, (inputs, outputs)) of every call, adding the probes on the way."""

    def __init__(self, paths: Mapping[int, str], probes: Any):
        self.paths, self.probes = paths, probes
        self.nodes: dict[str, tuple[Any, Any]] = {}
        self.active: set[int] = set()
        self.calls: dict[str, int] = {}
        self.open: dict[str, str] = {}

    def enter(self, path: str, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        self.calls[path] = self.calls.get(path, 0) + 1
        self.open[path] = path if self.calls[path] == 1 else f"{path}#{self.calls[path]}"
        return self.probed(self.open[path], 0, inputs)

    def leave(self, path: str, inputs: tuple[Any, ...], result: Any) -> Any:
        name = self.open[path]
        outputs = self.probed(name, 1, astuple(result))
        self.nodes[name] = (inputs, outputs)
        return outputs if isinstance(result, (tuple, list)) else outputs[0]

    def numbered(self) -> dict[str, tuple[Any, Any]]:
        """What was recorded, by "number name": a pytree's keys are sorted, and these are in the order of the calls."""
        return {f"{number:06} {name}": node for number, (name, node) in enumerate(self.nodes.items())}

    def probed(self, name: str, side: int, values: tuple[Any, ...]) -> tuple[Any, ...]:
        if self.probes is None:
            return values
        return tuple(
            v + p if jnp.issubdtype(jnp.result_type(v), jnp.floating) else v
            for v, p in zip(values, self.probes[name][side])
        )


@contextmanager
def watching(model: Any, recorder: Recorder, uniforms: Arrays, trace: bool) -> Iterator[None]:
    """While open, calls of the model's modules are recorded and dropout draws the given uniform numbers."""
    undo = []
    for cls in {type(part) for _, part in nnx.iter_modules(model)}:
        if trace and is_called(cls):
            undo.append(patched(cls, "__call__", recorded(cls.__call__, recorder)))
        if hasattr(cls, "uniform"):
            undo.append(patched(cls, "uniform", handed(recorder.paths, uniforms)))
    try:
        yield
    finally:
        for restore in undo:
            restore()


def patched(cls: Any, name: str, value: Any) -> Any:
    """Set an attribute of a class; returns the function that undoes it."""
    own = vars(cls).get(name)
    setattr(cls, name, value)
    return (lambda: delattr(cls, name)) if own is None else (lambda: setattr(cls, name, own))


def recorded(call: Any, recorder: Recorder) -> Any:
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        if id(self) in recorder.active or id(self) not in recorder.paths:
            return call(self, *args, **kwargs)
        path = recorder.paths[id(self)]
        recorder.active.add(id(self))
        inputs = recorder.enter(path, args)
        result = call(self, *inputs, **kwargs)
        recorder.active.discard(id(self))
        return recorder.leave(path, inputs, result)

    return wrapper


def handed(paths: Mapping[int, str], uniforms: Arrays) -> Any:
    return lambda self, x: jnp.broadcast_to(uniforms[paths[id(self)]], x.shape)


def paths_by_id(model: Any) -> dict[int, str]:
    return {id(part): path_of(keys) for keys, part in nnx.iter_modules(model) if is_called(type(part))}


def is_called(cls: Any) -> bool:
    """Whether a module class computes something when called; containers do not."""
    return hasattr(cls, "__call__") and not issubclass(cls, (nnx.List, nnx.Dict, nnx.Sequential))  # noqa: B004


def path_of(keys: Any) -> str:
    return ".".join(map(str, keys))
