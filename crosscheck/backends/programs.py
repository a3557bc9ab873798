"""Programs of the JAX column, kept whole between runs: JAX takes longer to trace and lower most of them than to run
them, and its own cache of compiled programs is asked only after that."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental.compilation_cache.compilation_cache import reset_cache
from jax.experimental.serialize_executable import deserialize_and_load, serialize

from crosscheck import cache as kept

LIBRARIES = ("jax", "jaxlib", "flax", "optax", "numpy")


class Program:
    """A function of arrays, compiled for a device at the first call with arguments of their shapes.

    `name` and the options tell it from all others of unchanged sources.
    """

    def __init__(self, function: Callable[..., Any], name: str, device: Any, options: Mapping[str, Any] | None) -> None:
        self.jitted = jax.jit(function, compiler_options=dict(options) if options else None)
        self.name, self.device = f"{name}|{options}", device
        self.compiled: dict[Any, Any] = {}

    def __call__(self, *args: Any) -> Any:
        leaves, tree = jax.tree.flatten(args)
        key = tree, tuple((np.shape(leaf), np.result_type(leaf)) for leaf in leaves)
        if key not in self.compiled:
            self.compiled[key] = self.fetch(f"{self.name}|{key}", args)
        return self.compiled[key](*args)

    def fetch(self, name: str, args: Any) -> Any:
        """The program as it was kept, or compiled, and kept unless the sources may have been patched. A GPU's are left
        to JAX's own cache."""
        if kept.is_suspended("programs") or self.device.platform != "cpu":
            return self.jitted.lower(*args).compile()
        file = kept.folder("programs", "jax_impl", "crosscheck.backends") / digest(name, self.device)
        if (program := load(file, self.device)) is None:
            with afresh():
                program = self.jitted.lower(*args).compile()
            save(file, program)
        return program


@contextmanager
def afresh() -> Iterator[None]:
    """While open, JAX's own cache is not asked: what was read from it loses its functions when written once more."""
    jax.config.update("jax_enable_compilation_cache", False)
    reset_cache()  # or the answer to whether there is one stays what it was
    try:
        yield
    finally:
        jax.config.update("jax_enable_compilation_cache", True)
        reset_cache()


def digest(name: str, device: Any) -> str:
    """Of all that a program depends on but the sources: its name, the libraries, the machine."""
    versions = [version(library) for library in LIBRARIES]
    return hashlib.sha256(f"{name}|{versions}|{device.device_kind}|{processor()}".encode()).hexdigest()


@cache
def processor() -> str:
    """What the processor can do: a program may not run on another."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def save(file: Path, program: Any) -> None:
    """Leave out what JAX cannot write: programs that hold arrays of their own, or of a device that has no such form."""
    try:
        content = pickle.dumps(serialize(program))
    except (ValueError, TypeError, NotImplementedError, pickle.PicklingError, jax.errors.JaxRuntimeError):
        return
    kept.write(file, content)


def load(file: Path, device: Any) -> Any:
    """The program, or None if there is none, or none that can be read."""
    try:
        content = pickle.loads(file.read_bytes())
        return deserialize_and_load(*content, backend=device.client, execution_devices=[device])
    except (OSError, EOFError, ValueError, TypeError, pickle.UnpicklingError, jax.errors.JaxRuntimeError):
        return None
